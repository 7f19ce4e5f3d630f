"""The whole chain through the command line: scene and polygons in, landslide polygons out."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.features import rasterize
from shapely import box
from typer.testing import CliRunner, Result

from landslip.cli.app import app

NAMES = ("blue", "green", "red", "nir")
CRS = "EPSG:32648"
TRANSFORM = Affine(2.0, 0.0, 400_000.0, 0.0, -2.0, 3_400_000.0)
SHAPE = (320, 448)
RUNNER = CliRunner()


def run(*words: object) -> Result:
    return RUNNER.invoke(app, [str(word) for word in words])


def done(*words: object) -> Result:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


def write_scene(path: Path, *, described: bool = True, seed: int = 0) -> Path:
    """Noise with forty brighter blocks, the landslides; the left edge is nodata."""
    generator = np.random.default_rng(seed)
    values = generator.normal(400, 40, (4, *SHAPE))
    polygons = []
    for _ in range(40):
        row, col = (int(generator.integers(0, side - 30)) for side in SHAPE)
        height, width = (int(side) for side in generator.integers(12, 30, 2))
        values[:, row : row + height, col : col + width] += 300
        left, top = TRANSFORM @ (col, row)
        polygons.append(box(left, top - 2 * height, left + 2 * width, top))
    stored = np.clip(values, 1, 1000).astype(np.uint16)
    stored[:, :, :20] = 0
    profile = {"height": SHAPE[0], "width": SHAPE[1], "count": 4, "dtype": "uint16", "nodata": 0}
    with rasterio.open(path, "w", crs=CRS, transform=TRANSFORM, **profile) as file:
        file.write(stored)
        if described:
            file.descriptions = NAMES
    frame = geopandas.GeoDataFrame(geometry=polygons, crs=CRS).to_crs(4326)
    frame.to_file(path.with_suffix(".gpkg"), layer="drawn")
    return path


@dataclass(frozen=True)
class Chain:
    """Where each step of the chain wrote to."""

    scene: Path
    dataset: Path
    model: Path
    map: Path

    @property
    def truth(self) -> NDArray[np.bool_]:
        """The drawn polygons on the scene's grid."""
        polygons = geopandas.read_file(self.scene.with_suffix(".gpkg")).to_crs(CRS)
        burnt = rasterize(polygons.geometry, out_shape=SHAPE, transform=TRANSFORM)
        return np.asarray(burnt == 1)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    folder = tmp_path_factory.mktemp("chain")
    scene = write_scene(folder / "scene.tif")
    made = Chain(scene, folder / "tiles", folder / "model", folder / "map")
    done("dataset", "scene", scene, scene.with_suffix(".gpkg"), "--out", made.dataset, "--tile", 64)
    done(
        *("train", made.dataset, "--out", made.model, "--encoder", "test_resnet"),
        *("--encoder-weights", "none", "--epochs", 15, "--batch-size", 4, "--precision", "fp32"),
    )
    done("extract", scene, "--model", made.model, "--out", made.map, "--tile", 128, "--overlap", 32)
    return made


def test_evaluation_prints_json_alone_on_stdout(chain: Chain) -> None:
    result = done("evaluate", chain.model, chain.dataset, "--json")
    found = json.loads(result.stdout)
    counted = found["tp"] + found["fp"] + found["fn"] + found["tn"]
    assert found["tiles"] == round(0.2 * 5 * 7)
    assert 0.5 <= counted / (found["tiles"] * 64 * 64) <= 1
    assert found["f1"] == pytest.approx(
        2 * found["tp"] / (2 * found["tp"] + found["fp"] + found["fn"])
    )
    low, high = found["intervals"]["f1"]
    assert low <= found["f1"] <= high
    assert found["f1"] > 0.6


def test_evaluation_prints_the_ways_of_counting_and_scores_off_centre(chain: Chain) -> None:
    result = done("evaluate", chain.model, chain.dataset, "--off-centre")
    number, interval = r"(\d\.\d{4})", r" \([+-]?\d\.\d{4} to [+-]?\d\.\d{4}\)"
    pooled = re.search(rf"^  f1 +{number}", result.stdout, re.MULTILINE)
    classes = re.search(
        rf"^  mean over classes f1 {number}{interval}, iou {number}{interval}$",
        result.stdout, re.MULTILINE,
    )  # fmt: skip
    assert pooled is not None
    assert classes is not None
    assert float(pooled[1]) < float(classes[1]) < 1
    moved = re.search(
        rf"^  off-centre: f1 {number} and {number} of the same pixels in place, difference "
        rf"([+-]\d\.\d{{4}}){interval}; beyond the tile: (.+)$",
        result.stdout, re.MULTILINE,
    )  # fmt: skip
    assert moved is not None
    off_centre, in_place, difference = (float(moved[at]) for at in (1, 2, 3))
    assert difference == pytest.approx(off_centre - in_place, abs=1.1e-4)
    windows = {kind: int(count) for count, kind in re.findall(r"(\d+) (\w+)", moved[4])}
    assert sum(windows.values()) == round(0.2 * 5 * 7)
    assert windows["neighbours"] > 0  # tiles of a scene
    assert windows.keys() <= {"neighbours", "background", "mirrored"}


def test_pictures_of_tiles_colour_the_errors(chain: Chain, tmp_path: Path) -> None:
    done("predict-tiles", chain.model, chain.dataset, "--out", tmp_path / "p", "--split", "train")
    names = {path.stem for path in (tmp_path / "p").iterdir()}
    assert len(names) == 24 + 1
    with Image.open(tmp_path / "p" / "sheet.png") as sheet:
        # captions, a name over each row, and three rows of the legend
        assert sheet.size == (3 * 64 + 2 * 8, 28 + 24 * (18 + 64 + 8) - 8 + 3 * 28)
    some = next(name for name in names if name.startswith("scene_"))
    with Image.open(tmp_path / "p" / f"{some}.png") as picture:
        assert picture.size == (3 * 64 + 2 * 8, 28 + 18 + 64 + 3 * 28)


def test_the_map_shows_the_landslides(chain: Chain) -> None:
    with rasterio.open(chain.map / "mask.tif") as file:
        mask = file.read(1)
        assert file.crs.to_string() == CRS
        assert file.transform == TRANSFORM
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert (mask[:, :20] == 255).all()
    found, truth = mask[:, 20:] == 1, chain.truth[:, 20:]
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.7


def test_probability_mask_polygons_and_summary_agree(chain: Chain) -> None:
    summary = json.loads((chain.map / "summary.json").read_text())
    with rasterio.open(chain.map / "mask.tif") as file:
        mask = file.read(1)
    with rasterio.open(chain.map / "probability.tif") as file:
        stored, scale = file.read(1), file.scales[0]
    sure = (mask != 255) & (np.abs(stored * scale - summary["threshold"]) > scale)
    assert ((stored * scale >= summary["threshold"]) == (mask == 1))[sure].all()
    polygons = geopandas.read_file(chain.map / "landslides.gpkg")
    assert polygons.geometry.is_valid.all()
    assert polygons.id.tolist() == list(range(1, summary["landslides"] + 1))
    assert polygons.area_m2.sum() == pytest.approx((mask == 1).sum() * 4.0)
    assert np.allclose(polygons.area_m2, polygons.geometry.area)
    again = rasterize(polygons.geometry, out_shape=SHAPE, transform=TRANSFORM)
    assert np.array_equal(again == 1, mask == 1)
    assert (polygons.mean_probability >= summary["threshold"]).all()
    assert (polygons.max_probability >= polygons.mean_probability).all()


def test_min_area_leaves_out_small_polygons_only(chain: Chain, tmp_path: Path) -> None:
    done("extract", chain.scene, "--model", chain.model, "--out", tmp_path / "m", "--min-area", 500)
    kept = geopandas.read_file(tmp_path / "m" / "landslides.gpkg")
    assert kept.area_m2.min() >= 500


def test_engines_agree(chain: Chain, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    maps = []
    for engine in ("openvino", "torch"):
        done(
            *("extract", chain.scene, "--model", chain.model, "--out", tmp_path / engine),
            # the same windows for both: what engines cost decides on windows, too
            *("--engine", engine, "--precision", "fp32", "--tile", 256),
        )
        with rasterio.open(tmp_path / engine / "probability.tif") as file:
            maps.append(file.read(1).astype(int))
    assert np.abs(maps[0] - maps[1]).max() <= 1


def test_named_bands_in_another_order_give_the_same_map(chain: Chain, tmp_path: Path) -> None:
    with rasterio.open(chain.scene) as file:
        profile, values = file.profile, file.read()
    turned = tmp_path / "turned.tif"
    with rasterio.open(turned, "w", **profile) as file:
        file.write(values[::-1])
    refused = run("extract", turned, "--model", chain.model, "--out", tmp_path / "map")
    assert refused.exit_code == 2
    assert "name them with --bands in the order that they have in the file" in refused.stderr
    done(
        *("extract", turned, "--model", chain.model, "--out", tmp_path / "map"),
        *("--bands", "nir,red,green,blue", "--tile", 128, "--overlap", 32),
    )
    with (
        rasterio.open(tmp_path / "map" / "mask.tif") as file,
        rasterio.open(chain.map / "mask.tif") as expected,
    ):
        assert np.array_equal(file.read(1), expected.read(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 3, "names": NAMES[:3]}, "nir is not among blue,green,red"),
        ({"dtype": "uint8"}, "8-bit images and sensor counts do not mix"),
        ({"scale": 1e-4}, "takes values in dn and these are in reflectance"),
        ({"factor": 100}, "another unit or scale"),
    ],
    ids=["bands", "8 bits", "units", "values"],
)
def test_scenes_that_do_not_fit_the_model_are_refused(
    change: dict[str, object], message: str, chain: Chain, tmp_path: Path
) -> None:
    with rasterio.open(chain.scene) as file:
        profile, values = file.profile, file.read()
    names = change.get("names", NAMES)
    profile.update(count=len(names), dtype=change.get("dtype", "uint16"))  # type: ignore[arg-type]
    path = tmp_path / "other.tif"
    with rasterio.open(path, "w", **profile) as file:
        factor = change.get("factor", 1)
        shown = np.minimum(values[: len(names)].astype(float) * factor, 65_535)  # type: ignore[arg-type]
        file.write((shown / 4 if "dtype" in change else shown).astype(profile["dtype"]))
        file.descriptions = names
        if "scale" in change:
            file.scales = 4 * [change["scale"]]
    result = run("extract", path, "--model", chain.model, "--out", tmp_path / "map")
    assert result.exit_code == 2
    assert message in result.stderr
    assert str(path) in result.stderr
    assert sorted(tmp_path.iterdir()) == [path]


def test_existing_output_is_refused(chain: Chain) -> None:
    before = (chain.map / "mask.tif").stat().st_mtime_ns
    result = run("extract", chain.scene, "--model", chain.model, "--out", chain.map)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert (chain.map / "mask.tif").stat().st_mtime_ns == before


def test_everything_but_training_works_without_torch(chain: Chain, tmp_path: Path) -> None:
    labels, model = chain.scene.with_suffix(".gpkg"), tmp_path / "copy"
    shutil.copytree(chain.model, model)
    inventory = tmp_path / "inventory"
    commands = [
        ["dataset", "scene", chain.scene, labels, "--out", tmp_path / "tiles", "--tile", 64],
        ["evaluate", model, tmp_path / "tiles", "--json"],
        ["calibrate", model, tmp_path / "tiles"],
        ["extract", chain.scene, "--model", model, "--out", tmp_path / "map"],
        ["inventory", tmp_path / "map", "--out", inventory, "--draws", 0],
        ["report", inventory],
        ["compare", inventory, labels, "--out", tmp_path / "compared", "--draws", 0],
        ["train", tmp_path / "tiles", "--out", tmp_path / "model"],
    ]
    program = f"""
import sys
blocked = (
    "torch", "torchvision", "timm", "lightning", "safetensors", "tensorboard", "sklearn", "pystac",
    "onnxruntime", "nncf", "ray",
)
for name in blocked:
    sys.modules[name] = None
from landslip.cli.app import app
codes = []
for words in {[[str(word) for word in words] for words in commands]!r}:
    try:
        app(words)
    except SystemExit as end:
        codes.append(end.code)
assert codes == [0] * 7 + [2], codes
assert not any(name.split(".")[0] in blocked and sys.modules[name] for name in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "pip install 'landslip[train]'" in result.stderr
    assert (inventory / "report.html").is_file()
    assert not (tmp_path / "model").exists()


def test_calibration_changes_probabilities_and_leaves_the_mask(
    chain: Chain, tmp_path: Path
) -> None:
    model, dem = tmp_path / "model", tmp_path / "dem.tif"
    shutil.copytree(chain.model, model)
    done("calibrate", model, chain.dataset, "--method", "temperature")
    write_dem(dem)
    options = ("--tile", 128, "--overlap", 32, "--dem", dem)
    done("extract", chain.scene, "--model", model, "--out", tmp_path / "map", *options)
    found = {}
    for name, folder in (("raw", chain.map), ("calibrated", tmp_path / "map")):
        with rasterio.open(folder / "mask.tif") as file:
            mask = file.read(1)
        with rasterio.open(folder / "probability.tif") as file:
            found[name] = mask, file.read(1)
    np.testing.assert_array_equal(found["raw"][0], found["calibrated"][0])
    assert (found["raw"][1] != found["calibrated"][1]).mean() > 0.02
    record = json.loads((tmp_path / "map" / "inventory" / "inventory.json").read_text())
    assert record["model"]["calibration"] == "temperature"
    assert "expected to be landslide" in record["confidence_is"]
    landslides = geopandas.read_file(tmp_path / "map" / "inventory" / "inventory.gpkg", layer=0)
    assert landslides["slope_deg"].tolist() == pytest.approx([45.0] * len(landslides), abs=1e-3)
    assert len(landslides) == record["landslides"] > 0


def test_extraction_with_an_inventory_says_each_thing_once(chain: Chain, tmp_path: Path) -> None:
    write_dem(tmp_path / "dem.tif")
    with rasterio.open(chain.scene) as file:
        profile, values, names = file.profile, file.read(), file.descriptions
    profile.pop("crs")
    profile |= {"crs": CRS, "transform": TRANSFORM @ Affine.scale(2)}  # of other pixels
    with rasterio.open(tmp_path / "scene.tif", "w", **profile) as file:
        file.write(values)
        file.descriptions = names
    words = ("--model", chain.model, "--out", tmp_path / "map", "--dem", tmp_path / "dem.tif")

    result = done("extract", tmp_path / "scene.tif", *words)

    said = [line for line in result.stderr.splitlines() if line.startswith(("warning", "note"))]
    assert any("trained" in line for line in said)
    assert len(said) == len(set(said))
    record = json.loads((tmp_path / "map" / "inventory" / "inventory.json").read_text())
    assert any("trained" in note for note in record["notes"])


def write_dem(path: Path) -> None:
    """Write heights that fall by a metre for each metre north, with a margin."""
    rows = np.arange(200, dtype=np.float32)
    heights = np.repeat(rows[:, np.newaxis], 200, axis=1) * 10
    transform = Affine(10, 0, TRANSFORM.c - 100, 0, -10, TRANSFORM.f + 100)
    profile = {"height": 200, "width": 200, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", crs=CRS, transform=transform, **profile) as file:
        file.write(heights, 1)


def test_help_imports_nothing_heavy() -> None:
    program = """
import sys
sys.argv = ["landslip", "--help"]
from landslip.cli.app import main
try:
    main()
except SystemExit:
    pass
heavy = {"numpy", "pydantic", "rasterio", "geopandas", "openvino", "torch", "yaml", "PIL"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "extract" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        *("dataset scene", "dataset pairs", "train", "evaluate", "predict-tiles", "extract"),
        *("calibrate", "inventory", "compare", "report"),
    ],
)
def test_every_help_has_an_example(command: str) -> None:
    assert f"landslip {command} " in " ".join(done(*command.split(), "--help").stdout.split())
