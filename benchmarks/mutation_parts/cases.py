"""All cases: each command with each of its inputs mutated in each way, and with wrong options."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mutation_parts.contract import Case
from mutation_parts.mutations import (
    ARCHIVE,
    BYTES,
    CSV,
    GEOJSON,
    GRAPH,
    JSON,
    PATHS,
    RASTER,
    VECTOR,
    VRTS,
    YAML,
    Mutation,
    in_folder,
    with_digest,
)

PRODUCT = "GF1_PMS2_E103.5_N31.3_20141002_L1A0000000000"
_I = "{inputs}/"
SHAPEFILE = ("labels.shp", "labels.dbf", "labels.shx", "labels.prj", "labels.cpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that succeeds on the inputs, and how each of its options is written."""

    words: str
    inputs: dict[str, str]  # name of the input: kind
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    slow: bool = False
    outputs: tuple[str, ...] = field(default=("--out",))


COMMANDS = (
    Command(
        words="register {i}scene.tif {i}reference.tif --out {o}a.tif --report {o}a.json",
        inputs={"scene.tif": "raster", "reference.tif": "raster"},
        numbers=("--max-shift", "--max-residual", "--nodata"),
        texts=("--band", "--model"),
        outputs=("--out", "--report"),
    ),
    Command(
        words=f"orthorectify {{i}}product/{PRODUCT}-PAN2.tiff --dem {{i}}dem.tif --out {{o}}a.tif "
        "--dem-heights ellipsoid --resolution 8",
        inputs={
            f"product/{PRODUCT}-PAN2.tiff": "raster",
            f"product/{PRODUCT}-PAN2.rpb": "text",
            "dem.tif": "raster",
        },
        numbers=("--resolution", "--nodata", "--max-shift"),
        texts=("--crs", "--dem-heights", "--report"),
    ),
    Command(
        words="pansharpen {i}ms.tif {i}pan.tif --out {o}a.tif --report {o}a.json",
        inputs={"ms.tif": "raster", "pan.tif": "raster"},
        numbers=("--mtf-nyquist", "--nodata", "--pan-nodata"),
        texts=("--bands", "--method"),
        outputs=("--out", "--report"),
    ),
    Command(
        words=f"preprocess {{i}}{PRODUCT}.tar.gz --dem {{i}}dem.tif --out {{o}}scenes "
        "--dem-heights ellipsoid --resolution 8",
        inputs={f"{PRODUCT}.tar.gz": "archive", "dem.tif": "raster"},
        numbers=("--resolution", "--optical-depth", "--max-shift"),
        texts=("--crs", "--dem-heights", "--calibration", "--clouds"),
        slow=True,
    ),
    Command(
        words="preprocess {i}product --dem {i}dem.tif --out {o}scenes --coefficients "
        "{i}coefficients.yaml --dem-heights ellipsoid --resolution 8",
        inputs={
            f"product/{PRODUCT}-PAN2.xml": "text",
            f"product/{PRODUCT}-MSS2.rpb": "text",
            f"product/{PRODUCT}-MSS2.tiff": "raster",
            "coefficients.yaml": "yaml",
        },
        slow=True,
    ),
    Command(
        words="dataset scene {i}scene.tif {i}labels.gpkg --area {i}area.gpkg --tile 64 "
        "--out {o}tiles",
        inputs={"scene.tif": "raster", "labels.gpkg": "vector", "area.gpkg": "vector"},
        numbers=("--tile", "--min-valid", "--test-share", "--val-share", "--seed", "--nodata"),
        texts=("--bands", "--layer", "--units"),
    ),
    Command(
        words="dataset scene {i}scene.tif {i}labels.geojson --tile 64 --out {o}tiles",
        inputs={"labels.geojson": "geojson"},
    ),
    Command(
        words="dataset scene {i}scene.tif {i}labels.shp --tile 64 --out {o}tiles",
        inputs=dict.fromkeys(SHAPEFILE, "bytes"),
        needs=SHAPEFILE,
    ),
    Command(
        words="dataset pairs --images {i}images --masks {i}masks --bands blue,green,red,nir "
        "--groups {i}groups.csv --out {o}tiles",
        inputs={"groups.csv": "csv", "images/t1.tif": "raster", "masks/t2.tif": "raster"},
        numbers=("--test-share", "--val-share", "--seed", "--nodata"),
        texts=("--bands", "--mask-suffix", "--groups", "--units"),
    ),
    Command(
        words="dataset augment {i}dataset --out {o}tiles --versions 2",
        inputs={
            "dataset/dataset.json": "json",
            "dataset/tiles.parquet": "bytes",
            "dataset/images.bin": "bytes",
            "dataset/labels.bin": "bytes",
            "dataset": "folder",
        },
        numbers=("--versions", "--seed"),
    ),
    Command(
        words="evaluate {i}model {i}dataset --json",
        inputs={
            "model/model.json": "json",
            "model/graph.xml": "graph",
            "model/graph.bin": "weights",
            "model": "folder",
            "dataset/dataset.json": "json",
            "dataset/tiles.parquet": "bytes",
        },
        texts=("--split", "--engine", "--precision"),
        outputs=(),
    ),
    Command(
        words="predict-tiles {i}model {i}dataset --out {o}pictures --most 2 --split train",
        inputs={"model/model.json": "json", "dataset/valid.bin": "bytes"},
        numbers=("--most",),
    ),
    Command(
        words="calibrate {i}model {i}many_tiles --overwrite --no-training-statistics",
        inputs={"model/model.json": "json"},
        numbers=("--seed",),
        texts=("--method", "--split"),
        changes=("model",),
        outputs=(),
    ),
    Command(
        words="export {i}model --out {o}model",
        slow=True,
        inputs={"model/model.json": "json", "model/weights.safetensors": "weights"},
        numbers=("--tiles", "--max-loss", "--seed"),
    ),
    Command(
        words="extract {i}scene.tif --model {i}model --out {o}map --tile 128 --min-area 100",
        inputs={
            "scene.tif": "raster",
            "model/model.json": "json",
            "model/graph.xml": "graph",
            "model/training_statistics.npz": "weights",
            "model": "folder",
        },
        numbers=("--threshold", "--min-area", "--tile", "--overlap", "--workers", "--nodata"),
        texts=("--bands", "--units", "--memory", "--engine", "--store", "--dem"),
    ),
    Command(
        words="extract --stac {i}item.json --model {i}model --out {o}map --tile 128",
        inputs={"item.json": "json", "scene.tif": "raster"},
        needs=("scene.tif",),
    ),
    Command(
        words="inventory {i}extraction --dem {i}dem.tif --scene {i}scene.tif --draws 5 "
        "--errors {i}errors.json --out {o}inventory",
        inputs={
            "extraction/summary.json": "json",
            "extraction/model.json": "json",
            "extraction/probability.tif": "raster",
            "extraction": "folder",
            "dem.tif": "raster",
            "scene.tif": "raster",
            "errors.json": "json",
        },
        numbers=("--low", "--high", "--min-area", "--max-shift", "--cell", "--draws", "--seed"),
        texts=("--date", "--name", "--lang", "--bands", "--units"),
    ),
    Command(
        words="inventory {i}labels.gpkg --dem {i}dem.tif --area {i}area.gpkg --sample "
        "{i}sample.csv --roads {i}roads.gpkg --no-use-scene --draws 5 --out {o}inventory",
        inputs={
            "labels.gpkg": "vector",
            "area.gpkg": "vector",
            "roads.gpkg": "vector",
            "sample.csv": "csv",
            "dem.tif": "raster",
        },
        numbers=("--cell", "--draws"),
        texts=("--layer", "--date", "--water"),
    ),
    Command(
        words="sample {i}extraction --area {i}area.gpkg --probability-classes 0.3 --size 60 "
        "--min-per-stratum 5 --out {o}sample.gpkg",
        inputs={
            "extraction/summary.json": "json",
            "extraction/mask.tif": "raster",
            "extraction/probability.tif": "raster",
            "extraction": "folder",
            "area.gpkg": "vector",
        },
        numbers=("--size", "--standard-error", "--min-per-stratum", "--buffer-m", "--seed"),
        texts=("--strata", "--expected", "--probability-classes", "--allocation"),
    ),
    Command(
        words="sample {i}labels.gpkg --area {i}area.gpkg --resolution 4 --size 60 "
        "--min-per-stratum 5 --out {o}sample.gpkg",
        inputs={"labels.gpkg": "vector"},
        numbers=("--resolution", "--threshold"),
        outputs=(),
    ),
    Command(
        words="inventory {i}extraction --dem {i}dem.tif --sample {i}sample.gpkg --no-use-scene "
        "--draws 5 --out {o}inventory",
        inputs={"sample.gpkg": "vector"},
        outputs=(),
    ),
    Command(
        words="compare {i}inventory {i}labels.gpkg --area {i}area.gpkg --draws 5 --out {o}compared",
        inputs={
            "inventory/inventory.json": "json",
            "inventory/inventory.gpkg": "bytes",
            "inventory": "folder",
            "labels.gpkg": "vector",
            "area.gpkg": "vector",
        },
        numbers=("--resolution", "--min-iou", "--draws", "--seed"),
        texts=("--layer", "--reference-layer"),
    ),
    Command(
        words="report {i}inventory --scene {i}scene.tif --out {o}page.html",
        inputs={
            "inventory/inventory.json": "json",
            "inventory/statistics.json": "json",
            "inventory/inventory.gpkg": "bytes",
            "scene.tif": "raster",
        },
        texts=("--lang", "--scene"),
    ),
    Command(
        words="train {i}dataset --out {o}model --config {i}train.yaml",
        inputs={"train.yaml": "yaml", "dataset/dataset.json": "json"},
        numbers=("--epochs", "--batch-size", "--workers", "--seed", "--devices", "--num-nodes"),
        texts=("--arch", "--encoder", "--encoder-weights", "--recipe", "--start-from"),
        slow=True,
    ),
    Command(
        words="experiment {i}experiment.yaml --out {o}experiment",
        inputs={"experiment.yaml": "yaml", "dataset/dataset.json": "json"},
        numbers=("--jobs",),
        needs=("dataset",),
        slow=True,
    ),
    Command(
        words="synthetic --out {o}study --preset small", inputs={}, numbers=("--seed",), slow=True
    ),
)

_FAMILIES: dict[str, tuple[dict[str, Mutation], ...]] = {
    "raster": (BYTES, RASTER, VRTS, PATHS),
    "vector": (BYTES, VECTOR, GEOJSON, PATHS),
    "geojson": (BYTES, GEOJSON),
    "json": (BYTES, JSON, PATHS),
    "yaml": (BYTES, YAML, PATHS),
    "csv": (BYTES, CSV, PATHS),
    "text": (BYTES, PATHS),
    "bytes": (BYTES, PATHS),
    "archive": (BYTES, ARCHIVE, PATHS),
    "folder": (PATHS,),
    "graph": (BYTES, GRAPH),
    "weights": (BYTES,),
}
NUMBERS = [
    "nan",
    "inf",
    "-inf",
    "1e400",
    "-0",
    "-1",
    "0",
    "1e30",
    "1e-30",
    "2147483648",
    "1000000000",
    "x",
    "0x10",
    "1,5",
    "１",
    "555555555555555555",
]
NUMBERS += ["", " ", "9" * 20, "9" * 5000]
TEXTS = [
    "x",
    "../../x",
    "滑坡",
    "-",
    ",",
    "*",
    "%s%d",
    "nan",
    "/dev/null",
    "file:///etc/passwd",
    "s3://",
    "http://[",
    "~",
]
TEXTS += ["", " ", "\x1b[31m", "a\nb", "\u202e", "x" * 3000, "blue," * 900]
OUTPUTS = ("", " ", "/", "/vsimem/x", "/dev/null", "{inputs}", "{input}", "{input}/below",
           "{out}/" + "x" * 300, "{out}/a\x1b[31m", "{out}/a\nb", "/proc/x",
           "{out}/" + "x/" * 2100 + "x")  # fmt: skip


def all_cases(seed: int) -> Iterator[Case]:
    """Yield every case; ``seed`` draws what a mutation changes."""
    for command in COMMANDS:
        for name, kind in command.inputs.items():
            for family in _FAMILIES[kind]:
                for what, mutation in family.items():
                    yield _input_case(command, name, kind, what, mutation, seed)
        for options, values in ((command.numbers, NUMBERS), (command.texts, TEXTS)):
            for option in options:
                for value in values:
                    yield _option_case(command, option, value)
        for option in command.outputs:
            for value in OUTPUTS:
                yield _output_case(command, option, value)


def _words(command: Command) -> tuple[str, ...]:
    text = command.words.replace("{i}", _I).replace("{o}", "{out}/")
    return tuple(text.split())


def _input_case(
    command: Command, name: str, kind: str, what: str, mutation: Mutation, seed: int
) -> Case:
    words = _words(command)
    top, _, inner = name.partition("/")
    if kind in ("graph", "weights") and inner:
        mutation, inner = with_digest(mutation, inner), ""
    if inner:
        mutation = in_folder(mutation, inner)

    def mutate(inputs: Path) -> None:
        mutation(inputs / top, random.Random(f"{seed} {words} {name} {what}"))

    # or the file that it does not fit
    names: tuple[str, ...] = (top, Path(name).name)
    names += tuple(Path(word).name for word in words if word.startswith("{inputs}"))
    if command.needs == SHAPEFILE:
        names += ("labels.shp",)
    return Case(
        command=words,
        what=f"{name}: {what}",
        names=names,
        mutate=mutate,
        changes=command.changes,
        needs=command.needs,
    )


def _with(words: tuple[str, ...], option: str, value: str) -> tuple[str, ...]:
    if option in words:
        at = words.index(option)
        return (*words[: at + 1], value, *words[at + 2 :])
    return (*words, option, value)


def _shown(value: str) -> str:
    return ascii(value if len(value) < 24 else f"{value[:20]}...")


def _option_case(command: Command, option: str, value: str) -> Case:
    words = _with(_words(command), option, value.replace("{", "{{").replace("}", "}}"))
    return Case(
        command=words,
        what=f"{option} {_shown(value)}",
        names=(option, option.strip("-").replace("-", "_"), Path(value[:40]).name or option),
        changes=command.changes,
        needs=command.needs,
    )


def _output_case(command: Command, option: str, value: str) -> Case:
    words = _words(command)
    first = next((word for word in words if word.startswith("{inputs}")), "{inputs}")
    given = value.replace("{input}", first)
    return Case(
        command=_with(words, option, given),
        what=f"{option} {_shown(value)}",
        names=(option, Path(first).name, Path(given).name[:40] or option, "inputs"),
        changes=command.changes,
        needs=command.needs,
    )


def drawn_cases(count: int, seed: int, *, slow: bool) -> list[Case]:
    """Return cases drawn without repetition, as many of each command and kind as may be."""
    cases = list(all_cases(seed))
    random.Random(seed).shuffle(cases)
    heavy = {_words(command)[0] for command in COMMANDS if command.slow}
    kept = [case for case in cases if slow or case.command[0] not in heavy]
    return kept[:count]
