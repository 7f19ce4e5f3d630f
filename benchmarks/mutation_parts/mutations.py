"""Mutations of input files: bytes, texts, rasters, polygons, archives, models, and paths."""

import hashlib
import io
import json
import os
import random
import socket
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS

Mutation = Callable[[Path, random.Random], None]
ENGINEERING = (
    'ENGCRS["plant",EDATUM["local"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],UNIT["m",1]]'
)
LOCAL = 'LOCAL_CS["local",UNIT["metre",1]]'
MOON = "+proj=eqc +R=1737400 +units=m +no_defs"


def _bytes_of(change: Callable[[bytearray, random.Random], bytes | bytearray]) -> Mutation:
    def mutate(path: Path, draw: random.Random) -> None:
        path.write_bytes(change(bytearray(path.read_bytes()), draw))

    return mutate


def _cut(data: bytearray, draw: random.Random) -> bytearray:
    return data[: int(len(data) * draw.random())]


def _flip(data: bytearray, draw: random.Random) -> bytearray:
    for _ in range(draw.choice((1, 4, 40))):
        if data:
            data[draw.randrange(len(data))] = draw.randrange(256)
    return data


def _blank(data: bytearray, draw: random.Random) -> bytearray:
    start = draw.randrange(len(data) + 1)
    length = draw.choice((16, 512, 65536))
    part = data[start : start + length]
    data[start : start + length] = bytes(len(part))
    return data


def _head(data: bytearray, draw: random.Random) -> bytearray:
    for at in draw.sample(range(min(64, len(data))), min(4, len(data))):
        data[at] = draw.randrange(256)
    return data


def _doubled(data: bytearray, draw: random.Random) -> bytearray:
    at = draw.randrange(len(data) + 1)
    return data[:at] + data


BYTES: dict[str, Mutation] = {
    "cut": _bytes_of(_cut),
    "flipped": _bytes_of(_flip),
    "zeros": _bytes_of(_blank),
    "head": _bytes_of(_head),
    "empty": _bytes_of(lambda _data, _draw: b""),
    "noise": _bytes_of(lambda _data, draw: draw.randbytes(5000)),
    "text": _bytes_of(lambda _data, _draw: "滑坡 <a>&b;\x1b[31m{[\x00".encode() * 300),
    "doubled": _bytes_of(_doubled),
    "lines": _bytes_of(lambda data, _draw: data.replace(b"\n", b"\r\n\x00")),
    "json": _bytes_of(lambda _data, _draw: b'{"type": "FeatureCollection", "features": 5}'),
    "xml": _bytes_of(
        lambda _data, _draw: (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c"><!ENTITY d '
            b'SYSTEM "file:///etc/passwd">]><a>&b;&d;</a>'
        )
    ),
}

VALUES: dict[str, bytes] = {
    "digits": b"9" * 5000,
    "deep": b"[" * 5000 + b"]" * 5000,
    "levels": b'{"a":' * 100 + b"1" + b"}" * 100,
    "nan": b"NaN",
    "infinity": b"-Infinity",
    "exponent": b"1e400",
    "zero": b"-0.0",
    "negative": b"-1",
    "huge": b"18446744073709551616",
    "large": b"2147483648",
    "true": b"true",
    "null": b"null",
    "empty": b'""',
    "blank": b'" "',
    "surrogate": b'"\\ud800"',
    "nul": b'"a\\u0000b"',
    "colour": b'"\\u001b[31m"',
    "long": b'"' + b"x" * 400_000 + b'"',
    "wordy": b'"' + b"word " * 2000 + b'"',
    "list": b"[]",
    "mapping": b"{}",
    "nested": b"[[1, 2], {}]",
    "path": b'"../../../etc/passwd"',
    "date": b'"2013-13-45"',
    "right-to-left": '"\u202egnp.exe"'.encode(),
}


def json_value(value: str) -> Mutation:
    """Return the mutation that replaces one value of a JSON file."""

    def mutate(path: Path, draw: random.Random) -> None:
        content = json.loads(path.read_text("utf-8"))
        holder, key = draw.choice(list(_places(content)))
        mark = "5f1c2-mark"
        holder[key] = mark
        text = json.dumps(content, indent=1).encode()
        path.write_bytes(text.replace(f'"{mark}"'.encode(), VALUES[value]))

    return mutate


def _places(content: Any) -> Any:
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs:
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _json_key(change: Callable[[dict[str, Any], str], None]) -> Mutation:
    def mutate(path: Path, draw: random.Random) -> None:
        content = json.loads(path.read_text("utf-8"))
        change(content, draw.choice(list(content)))
        path.write_text(json.dumps(content, indent=1), "utf-8")

    return mutate


def _twice(path: Path, _draw: random.Random) -> None:
    text = path.read_text("utf-8").rstrip()
    key = next(iter(json.loads(text)))
    path.write_text(f'{text[:-1]}, "{key}": 1}}', "utf-8")


JSON: dict[str, Mutation] = {f"value {name}": json_value(name) for name in VALUES} | {
    "key missing": _json_key(lambda content, key: content.pop(key)),
    "key unknown": _json_key(lambda content, _key: content.update({"\x1b[1m" * 50: 1})),
    "key twice": _twice,
    "UTF-16": lambda path, _draw: path.write_text(path.read_text("utf-8"), "utf-16") and None,
    "GBK": lambda path, _draw: path.write_bytes('{"name": "滑坡"}'.encode("gbk")) and None,
}

_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join(f'*{before}' for _ in range(9))}]\n"
    for before, now in zip("abcdefghi", "bcdefghij", strict=True)
)
YAML_TEXTS = {
    "digits": "epochs: " + "9" * 5000,
    "deep": "[" * 5000,
    "levels": "".join(f"{' ' * at}a:\n" for at in range(300)),
    "bomb": _LAUGHS,
    "merges": "a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nc: {<<: [*b, *b, *b]}\n",
    "loop": "a: &a [*a]",
    "tag": "a: !!python/object/apply:os.system ['true']",
    "month": "seed: 2013-13-45",
    "date": "date: 2013-08-12",
    "timestamp": "a: !!timestamp 1",
    "binary": "a: !!binary x",
    "twice": "epochs: 1\nepochs: 2",
    "number key": "2013: 1",
    "null key": "~: 1",
    "list key": "? [1, 2]\n: 3",
    "truth": "epochs: yes",
    "infinite": "learning_rate: .inf",
    "nan": "learning_rate: .nan",
    "exponent": "learning_rate: 1.0e+400",
    "sexagesimal": "epochs: 190:20:30",
    "surrogate": 'encoder: "\\ud800"',
    "control": "encoder: \x1b[31m",
    "long": "encoder: " + "x" * 100_000,
    "documents": "a: 1\n---\nb: 2",
    "list": "- 1\n- 2",
    "word": "hello",
    "nothing": "",
    "tab": "a:\n\tb: 1",
}


def written(content: bytes | str) -> Mutation:
    """Return the mutation that replaces a file's content."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content

    def mutate(path: Path, _draw: random.Random) -> None:
        path.write_bytes(data)

    return mutate


YAML: dict[str, Mutation] = {name: written(text) for name, text in YAML_TEXTS.items()}
CSV: dict[str, Mutation] = {
    "GBK": written("lon,lat,reference,说明\n103.5,31.3,1,滑坡\n".encode("gbk")),
    "NUL": written(b"lon,lat,reference\n103.5,31.3,\x001\n"),
    "no column": written(b"a,b\n1,2\n"),
    "column twice": written(b"lon,lon,lat,reference\n1,2,3,1\n"),
    "words": written(b"lon,lat,reference\nx,y,z\n"),
    "nan": written(b"lon,lat,reference\nnan,inf,1\n"),
    "exponent": written(b"lon,lat,reference\n1e400,1e9,1\n"),
    "out of range": written(b"lon,lat,reference\n400,95,1\n"),
    "short rows": written(b"lon,lat,reference\n103.5\n\n103.5,31.3,1,4,5\n"),
    "field": written(b"lon,lat,reference\n" + b"9" * 200_000),
    "quote": written(b'lon,lat,reference\n"103.5,31.3,1\n'),
    "elsewhere": written(b"lon,lat,reference\n-70,-30,1\n"),
    "header": written(b"lon,lat,reference\n"),
    "class": written(b"lon,lat,reference\n103.5,31.3,\x1b[31m\n"),
    "UTF-16": written("lon,lat,reference\n103.5,31.3,1\n".encode("utf-16")),
}


def _raster(**changes: Any) -> Mutation:
    """Return the mutation that writes a raster again with another profile or other values."""

    def mutate(path: Path, draw: random.Random) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(path) as file:
                values, profile, names = file.read(), dict(file.profile), file.descriptions
            new = changes.get("values", lambda array, _draw: array)(values, draw)
            known = {key: value for key, value in changes.items() if key not in ("values", "names")}
            profile |= {"count": new.shape[0], "height": new.shape[1], "width": new.shape[2]}
            profile |= {"dtype": new.dtype.name, "driver": "GTiff", "tiled": False} | known
            for key in ("blockxsize", "blockysize", "interleave", "predictor", "compress"):
                profile.pop(key, None)
            path.unlink()
            with rasterio.open(path, "w", **profile) as file:
                file.write(new.astype(profile["dtype"]))
                given = changes.get("names", names)
                for at in range(new.shape[0]):
                    if at < len(given) and given[at]:
                        file.set_band_description(at + 1, given[at])

    return mutate


def _transform(*numbers: float) -> Mutation:
    return _raster(transform=Affine(*numbers))


def _set(value: float) -> Callable[[np.ndarray[Any, Any], random.Random], np.ndarray[Any, Any]]:
    def change(array: np.ndarray[Any, Any], draw: random.Random) -> np.ndarray[Any, Any]:
        floats = array.astype(np.float32)
        rows = slice(None) if draw.random() < 0.5 else slice(0, array.shape[1] // 2)
        floats[:, rows] = value
        return floats

    return change


RASTER: dict[str, Mutation] = {
    "NaN in transform": _transform(np.nan, 0, 0, 0, -2, 0),
    "NaN origin": _transform(2, 0, np.nan, 0, -2, 0),
    "infinite origin": _transform(2, 0, np.inf, 0, -2, 3e6),
    "zero pixel": _transform(0, 0, 5e5, 0, 0, 3e6),
    "zero height": _transform(2, 0, 5e5, 0, 0, 3e6),
    "south up": _transform(2, 0, 5e5, 0, 2, 3e6),
    "west": _transform(-2, 0, 5e5, 0, -2, 3e6),
    "rotated": _transform(1, 1, 5e5, 1, -1, 3e6),
    "enormous pixel": _transform(1e30, 0, 0, 0, -1e30, 0),
    "tiny pixel": _transform(1e-30, 0, 0, 0, -1e-30, 0),
    "tiny pixels of metres": _transform(1e-9, 0, 5e5, 0, -1e-9, 3e6),
    "far away": _transform(2, 0, 1e18, 0, -2, 1e18),
    "no crs": _raster(crs=None),
    "other zone": _raster(crs=CRS.from_epsg(32618)),
    "polar": _raster(crs=CRS.from_epsg(3031)),
    "degrees": _raster(crs=CRS.from_epsg(4326)),
    "moon": _raster(crs=CRS.from_string(MOON)),
    "local": _raster(crs=CRS.from_wkt(LOCAL)),
    "engineering": _raster(crs=CRS.from_wkt(ENGINEERING)),
    "geocentric": _raster(crs=CRS.from_epsg(4978)),
    "NaN": _raster(values=_set(np.nan), nodata=None),
    "infinite": _raster(values=_set(np.inf), nodata=None),
    "largest": _raster(values=_set(3e38), nodata=None),
    "constant": _raster(values=_set(7)),
    "negative": _raster(values=_set(-32768)),
    "nodata NaN": _raster(dtype="float32", nodata=np.nan),
    "int64": _raster(dtype="int64", nodata=None),
    "uint64": _raster(dtype="uint64", nodata=None),
    "int8": _raster(values=lambda a, _d: (a % 100).astype(np.int8), nodata=None),
    "float64": _raster(dtype="float64", nodata=-1e308),
    "complex": _raster(dtype="complex64", nodata=None),
    "complex int": _raster(dtype="complex128", nodata=None),
    "1 px": _raster(values=lambda a, _d: a[:, :1, :1]),
    "1 row": _raster(values=lambda a, _d: a[:, :1]),
    "1 column": _raster(values=lambda a, _d: a[:, :, :1]),
    "3 px": _raster(values=lambda a, _d: a[:, :3, :3]),
    "1 band": _raster(values=lambda a, _d: a[:1]),
    "40 bands": _raster(values=lambda a, _d: np.repeat(a[:1, :32, :32], 40, axis=0)),
    "names twice": _raster(names=("red",) * 9),
    "names with controls": _raster(names=("blue\x07", "green\n", "red", "nir")),
    "no names": _raster(names=()),
}


def _vrt(text: str) -> Mutation:
    return written(text)


VRTS: dict[str, Mutation] = {
    "VRT of nothing": _vrt('<VRTDataset rasterXSize="9" rasterYSize="9"></VRTDataset>'),
    "VRT of 0 px": _vrt(
        '<VRTDataset rasterXSize="0" rasterYSize="0"><VRTRasterBand/></VRTDataset>'
    ),
    "huge VRT": _vrt(
        '<VRTDataset rasterXSize="2000000000" rasterYSize="2000000000"><VRTRasterBand '
        'dataType="Byte" band="1"/></VRTDataset>'
    ),
    "VRT without source": _vrt(
        '<VRTDataset rasterXSize="99" rasterYSize="99"><VRTRasterBand dataType="Byte" band="1">'
        "<SimpleSource><SourceFilename>missing.tif</SourceFilename><SourceBand>1</SourceBand>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    ),
    "VRT of bad numbers": _vrt(
        '<VRTDataset rasterXSize="99" rasterYSize="99"><GeoTransform>a, b, nan, 1e999, 0, 0'
        '</GeoTransform><SRS>EPSG:99999999</SRS><VRTRasterBand dataType="What" band="7"/>'
        "</VRTDataset>"
    ),
}


def _polygons(change: Callable[[geopandas.GeoDataFrame, random.Random], Any]) -> Mutation:
    """Return the mutation that writes a vector file again, as GeoPackage."""

    def mutate(path: Path, draw: random.Random) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = change(geopandas.read_file(path), draw)
            path.unlink()
            frame.to_file(path, layer="landslides", driver="GPKG", engine="pyogrio")

    return mutate


def _geometries(make: Callable[[Any, random.Random], list[Any]]) -> Mutation:
    def change(frame: geopandas.GeoDataFrame, draw: random.Random) -> geopandas.GeoDataFrame:
        known = np.asarray(frame.geometry.values, dtype=object)
        made = make(known, draw)
        return geopandas.GeoDataFrame({"n": range(len(made))}, geometry=made, crs=frame.crs)

    return _polygons(change)


def _moved(x: float, y: float, factor: float = 1.0) -> Mutation:
    def move(known: Any, _draw: random.Random) -> list[Any]:
        return list(shapely.transform(known, lambda points: points * factor + [x, y]))

    return _geometries(move)


def _one_vertex(value: float) -> Mutation:
    def make(known: Any, draw: random.Random) -> list[Any]:
        made = list(known)
        at = draw.randrange(len(made))

        def spoil(points: Any) -> Any:
            points = points.copy()
            points[len(points) // 2, draw.randrange(2)] = value
            return points

        made[at] = shapely.transform(made[at], spoil)
        return made

    return _geometries(make)


def _many_vertices(known: Any, _draw: random.Random) -> list[Any]:
    x, y = shapely.get_coordinates(known)[0]
    return [shapely.Point(x, y).buffer(80, quad_segs=60_000), *known]


def _many_squares(known: Any, _draw: random.Random) -> list[Any]:
    x, y = shapely.get_coordinates(known)[0]
    cols, rows = np.divmod(np.arange(2500), 50)
    return list(shapely.box(x + 9 * cols, y + 9 * rows, x + 9 * cols + 8, y + 9 * rows + 8))


def _bow(known: Any, _draw: random.Random) -> list[Any]:
    x, y = shapely.get_coordinates(known)[0]
    ring = [(x, y), (x + 90, y + 90), (x + 90, y), (x, y + 90), (x, y)]
    return [shapely.Polygon(ring), *known]


def _crs(text: str | None) -> Mutation:
    return _polygons(lambda frame, _draw: frame.set_crs(text, allow_override=True))


VECTOR: dict[str, Mutation] = {
    "NaN": _one_vertex(np.nan),
    "infinite": _one_vertex(np.inf),
    "largest": _one_vertex(1e308),
    "far vertex": _one_vertex(1e12),
    "far away": _moved(1e15, 1e15),
    "elsewhere": _moved(3e5, -2e5),
    "points of a pixel": _moved(0, 0, 1e-12),
    "huge": _moved(-1e9, -1e9, 1e4),
    "none": _geometries(lambda _known, _draw: []),
    "null": _geometries(lambda known, _draw: [None, *known]),
    "all null": _geometries(lambda _known, _draw: [None, None]),
    "empty": _geometries(lambda _known, _draw: [shapely.Polygon()] * 3),
    "points": _geometries(lambda known, _draw: list(shapely.centroid(known))),
    "lines": _geometries(lambda known, _draw: list(shapely.boundary(known))),
    "collection": _geometries(
        lambda known, _draw: [shapely.GeometryCollection([shapely.Point(0, 0), known[0]])]
    ),
    "twice": _geometries(lambda known, _draw: [*known, *known]),
    "self-touching": _geometries(_bow),
    "many vertices": _geometries(_many_vertices),
    "many": _geometries(_many_squares),
    "slivers": _geometries(
        lambda known, _draw: [
            shapely.box(*shapely.bounds(one)[:2], *shapely.bounds(one)[:2] + 1e-9) for one in known
        ]
    ),
    "heights": _geometries(lambda known, _draw: list(shapely.force_3d(known, 5.0))),
    "no crs": _crs(None),
    "degrees": _crs("EPSG:4326"),
    "polar": _crs("EPSG:3031"),
    "moon": _crs(MOON),
    "local": _crs(LOCAL),
    "engineering": _crs(ENGINEERING),
    "columns": _polygons(
        lambda frame, _draw: frame.assign(**{"id": "x", "area_m2": np.nan, "name\x1b": "\x1b[31m"})
    ),
}
GEOJSON: dict[str, Mutation] = {
    name: written(text)
    for name, text in {
        "null geometry": '{"type":"FeatureCollection","features":[{"type":"Feature",'
        '"properties":{},"geometry":null}]}',
        "deep coordinates": '{"type":"Polygon","coordinates":' + "[" * 3000 + "]" * 3000 + "}",
        "digits": '{"type":"Polygon","coordinates":[[[' + "9" * 5000 + ",1],[2,2],[3,1]]]}",
        "words": '{"type":"Polygon","coordinates":[[["a","b"],[1,1],[2,2]]]}',
        "NaN": '{"type":"Polygon","coordinates":[[[NaN,1],[2,2],[3,1],[NaN,1]]]}',
        "two points": '{"type":"Polygon","coordinates":[[[1,1],[2,2]]]}',
        "other crs": '{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":'
        '"urn:ogc:def:crs:EPSG::99999"}},"features":[]}',
        "no features": '{"type":"FeatureCollection","features":[]}',
        "table": '{"a":1}',
    }.items()
}


def _tar(add: Callable[[tarfile.TarFile], None]) -> Mutation:
    def mutate(path: Path, _draw: random.Random) -> None:
        with tarfile.open(path) as old:
            members = [(info, old.extractfile(info)) for info in old if info.isreg()]
            held = [(info, file.read()) for info, file in members if file is not None]
        with tarfile.open(path, "w:gz", compresslevel=1) as new:
            for info, content in held:
                new.addfile(info, io.BytesIO(content))
            add(new)

    return mutate


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> Any:
    def add(archive: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, size
        archive.addfile(info, io.BytesIO(bytes(size)))

    return add


def _many_members(archive: tarfile.TarFile) -> None:
    for at in range(2000):
        _member(f"f{at}")(archive)


def _zipped(path: Path, _draw: random.Random) -> None:
    with tarfile.open(path) as old:
        held = {info.name: old.extractfile(info) for info in old if info.isreg()}
        with zipfile.ZipFile(path.with_suffix(".new"), "w", zipfile.ZIP_DEFLATED) as new:
            for name, file in held.items():
                new.writestr(name, file.read() if file else b"")
    path.with_suffix(".new").replace(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 200] = bytes(200)
    path.write_bytes(data)


def _stream(data: bytearray, draw: random.Random) -> bytearray:
    at = draw.randrange(len(data) // 4, len(data))
    data[at : at + 64] = draw.randbytes(64)
    return data


ARCHIVE: dict[str, Mutation] = {
    "broken stream": _bytes_of(_stream),
    "broken zip": _zipped,
    "link": _tar(_member("a", tarfile.SYMTYPE, "/etc/passwd")),
    "hard link": _tar(_member("a", tarfile.LNKTYPE, "../b")),
    "outside": _tar(_member("../../evil.xml")),
    "absolute": _tar(_member("/evil.xml")),
    "device": _tar(_member("a", tarfile.CHRTYPE)),
    "pipe": _tar(_member("a", tarfile.FIFOTYPE)),
    "control": _tar(_member("a\x1b[31m\n.xml")),
    "long name": _tar(_member("x" * 3000)),
    "many": _tar(_many_members),
    "bomb": _tar(_member("x.bin", size=2**28)),
}


def with_digest(mutation: Mutation, name: str) -> Mutation:
    """Return a mutation of a model folder's file, whose digest in the card is made right."""

    def mutate(folder: Path, draw: random.Random) -> None:
        file, card = folder / name, folder / "model.json"
        mutation(file, draw)
        content = json.loads(card.read_text())
        content["files"][name] = hashlib.sha256(file.read_bytes()).hexdigest()
        card.write_text(json.dumps(content))

    return mutate


def in_folder(mutation: Mutation, name: str) -> Mutation:
    """Return a mutation of a file in a folder."""

    def mutate(folder: Path, draw: random.Random) -> None:
        mutation(folder / name, draw)

    return mutate


def _graph_numbers(data: bytearray, draw: random.Random) -> bytes:
    text = data.decode()
    for _ in range(draw.choice((1, 5))):
        at = draw.choice([at for at, letter in enumerate(text) if letter.isdigit()])
        text = text[:at] + draw.choice("0123456789-") + text[at + 1 :]
    return text.encode()


GRAPH: dict[str, Mutation] = {
    "numbers": _bytes_of(_graph_numbers),
    "types": _bytes_of(lambda data, _d: data.replace(b'type="Convolution"', b'type="Konvolution"')),
    "no layers": written('<?xml version="1.0"?><net name="a" version="11"><layers/></net>'),
    "precision": _bytes_of(lambda data, _d: data.replace(b'"FP32"', b'"FP99"')),
}


def _replaced(make: Callable[[Path], None]) -> Mutation:
    def mutate(path: Path, _draw: random.Random) -> None:
        if path.is_dir() and not path.is_symlink():
            path.rename(path.with_name(f"{path.name}.real"))
        else:
            path.unlink()
        make(path)

    return mutate


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def _folder_of_pipes(path: Path) -> None:
    path.mkdir()
    for name in ("model.json", "dataset.json", "summary.json", "a.gdbtable", "b.tif"):
        os.mkfifo(path / name)


def _short_file(path: Path) -> None:
    path.write_text("x")


PATHS: dict[str, Mutation] = {
    "pipe": _replaced(os.mkfifo),
    "socket": _replaced(_socket),
    "loop": _replaced(lambda path: path.symlink_to(path.name)),
    "dangling link": _replaced(lambda path: path.symlink_to("nowhere")),
    "device": _replaced(lambda path: path.symlink_to("/dev/zero")),
    "missing": _replaced(lambda _path: None),
    "file": _replaced(_short_file),
    "folder": _replaced(lambda path: path.mkdir()),
    "folder of pipes": _replaced(_folder_of_pipes),
}
