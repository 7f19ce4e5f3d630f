import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from landslip.bands import Bands
from landslip.choices import Units
from landslip.errors import InputError, LandslipError, ModelError, OutputExistsError
from landslip.extraction.result import Summary
from landslip.extraction.run import ExtractionOptions, extract
from landslip.model.card import InputCard, ModelCard, TrainingCard
from landslip.model.folder import Model
from landslip.networks.architecture import Architecture
from landslip.raster import SceneOptions

WriteRaster = Callable[..., Path]
Pixels = NDArray[np.float32]
MEAN, STD = 500.0, 100.0
X, Y = 500_000, 4_000_000
COLUMNS = ["id", "area_m2", "area_px", "mean_probability", "max_probability", "geometry"]
SMALL = ExtractionOptions(tile=32, overlap=8)


def odds(red: NDArray[Any]) -> Pixels:
    """Return the probability that `RedEngine` gives to normalised red, pixel by pixel."""
    probability: Pixels = np.clip(0.5 + red / 4, 0, 1).astype(np.float32)
    return probability


class RedEngine:
    """Looks at the first band, pixel by pixel; remembers the shapes it was given."""

    name, precision = "red", "fp32"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def predict(self, batch: Pixels) -> Pixels:
        self.shapes.append(batch.shape)
        return odds(batch[:, 0])


class MeanEngine:
    """Looks at the mean of 3 x 3 pixels; what is beyond a window counts as 0."""

    name, precision = "mean", "fp32"

    def predict(self, batch: Pixels) -> Pixels:
        means = ndimage.uniform_filter(batch[:, 0], size=(1, 3, 3), mode="constant")
        return odds(2 * means)


class CertainEngine:
    """Says landslide everywhere."""

    name, precision = "certain", "fp32"

    def predict(self, batch: Pixels) -> Pixels:
        return np.ones((len(batch), *batch.shape[2:]), dtype=np.float32)


class BrokenEngine:
    """Gives up at its third window."""

    name, precision = "broken", "fp32"

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, batch: Pixels) -> Pixels:
        self.calls += 1
        if self.calls == 3:
            raise MemoryError("no memory for another window")
        return odds(batch[:, 0])


def model_of(
    bands: tuple[str, ...] = ("red", "nir"), *, dtype: str = "uint16", **changes: Any
) -> Model:
    """Return a model of pixels of 1 m around 500; ``changes`` are to its input card."""
    count = len(bands)
    known: dict[str, Any] = {
        "bands": bands,
        "units": Units.DN,
        "dtype": dtype,
        "scale": 1.0,
        "offset": 0.0,
        "nodata": None,
        "resolution_m": 1.0,
        "tile_size": 32,
        "multiple": 8,
        "mean": (MEAN,) * count,
        "std": (STD,) * count,
        "quantiles": ((300.0, 500.0, 700.0),) * count,
    }
    card = ModelCard(
        name="test",
        code_version="0",
        architecture=Architecture(bands=bands),
        input=InputCard(**(known | changes)),
        threshold=0.6013,
        training=training_card(),
        metrics={},
        files={"weights.safetensors": "ab" * 32},
        stac={},
    )
    return Model(Path("models/test"), card)


def training_card() -> TrainingCard:
    return TrainingCard(
        config={},
        encoder_weights_sha256=None,
        dataset_source="test",
        dataset_tiles={},
        pixels_sha256="",
        split_sha256="",
        split_method="random by tile",
        epoch=1,
        epochs=1,
        precision="fp32",
        device="cpu",
        seconds=1.0,
        torch_version="none",
    )


def terrain(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint16]:
    """Return two bands, red and nir, with landslides of several sizes in red."""
    generator = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(generator.normal(size=shape), 2, mode="reflect")
    red = MEAN + STD * rough / max(rough.std(), 1e-9) if rough.size > 1 else rough + 700
    nir = generator.integers(300, 700, shape)
    stacked: NDArray[np.uint16] = np.stack([red, nir]).round().clip(1, 999).astype(np.uint16)
    return stacked


def expected_probability(scene: NDArray[Any]) -> Pixels:
    return odds((scene[0].astype(np.float64) - MEAN) / STD)


class Found:
    """What an extraction wrote."""

    def __init__(self, out: Path) -> None:
        with rasterio.open(out / "probability.tif") as file:
            self.grid = file.crs, file.transform
            self.scaled, self.scale = file.read(1), file.scales[0]
            self.nodata = file.nodata
        with rasterio.open(out / "mask.tif") as file:
            assert (file.crs, file.transform) == self.grid
            self.mask = file.read(1)
            assert file.nodata == 255
        self.landslides = geopandas.read_file(out / "landslides.gpkg", layer="landslides")
        self.summary = json.loads((out / "summary.json").read_text())

    @property
    def probability(self) -> NDArray[np.float64]:
        return np.where(self.scaled == 255, np.nan, self.scaled * 0.004)

    def burnt(self) -> NDArray[np.bool_]:
        if self.landslides.empty:
            return np.zeros(self.mask.shape, dtype=bool)
        transform = self.grid[1]
        burnt = rasterize(self.landslides.geometry, self.mask.shape, transform=transform)
        whole: NDArray[np.bool_] = burnt.astype(bool)
        return whole


@pytest.fixture
def run(write_raster: WriteRaster, tmp_path: Path) -> Callable[..., Found]:
    """Give the function that extracts from pixels of red and nir and reads what was written."""

    def extracted(
        scene: NDArray[Any],
        engine: Any = None,
        options: ExtractionOptions = SMALL,
        *,
        model: Model | None = None,
        out: str = "out",
        **profile: Any,
    ) -> Found:
        path = write_raster("scene.tif", scene, **({"names": ("red", "nir")} | profile))
        model = model or model_of(dtype=str(scene.dtype))
        summary = extract(path, model, engine or RedEngine(), tmp_path / out, options)
        assert isinstance(summary, Summary)
        return Found(tmp_path / out)

    return extracted


# seams


@pytest.mark.parametrize(
    ("shape", "tile", "overlap"),
    [
        pytest.param((96, 120), 32, 8, id="whole tiles"),
        pytest.param((97, 61), 32, 16, id="odd sides, largest overlap"),
        pytest.param((64, 64), 32, 0, id="no overlap"),
        pytest.param((33, 130), 64, 10, id="lower than a tile"),
        pytest.param((130, 3), 32, 8, id="a strip"),
        pytest.param((20, 25), 512, 128, id="smaller than a tile"),
        pytest.param((1, 1), 32, 8, id="one pixel"),
    ],
)
def test_no_seams(
    run: Callable[..., Found], shape: tuple[int, int], tile: int, overlap: int
) -> None:
    scene = terrain(shape)
    found = run(scene, options=ExtractionOptions(tile=tile, overlap=overlap))
    expected = expected_probability(scene)
    assert found.scale == pytest.approx(0.004)
    np.testing.assert_allclose(found.probability, expected, atol=0.002 + 1e-5)
    np.testing.assert_array_equal(found.mask, expected >= 0.6013)
    assert found.mask.any()


@pytest.mark.parametrize("overlap", [8, 16])
def test_what_an_engine_sees_at_a_windows_border_hardly_counts(
    run: Callable[..., Found], overlap: int
) -> None:
    scene = terrain((100, 90))
    found = run(scene, MeanEngine(), ExtractionOptions(tile=32, overlap=overlap))
    expected = MeanEngine().predict((scene[None].astype(np.float32) - MEAN) / STD)[0]
    # only a window's outermost pixels lack neighbours; their weight is half a step of the ramp
    row_edge, col_edge = (outermost(side, 32, overlap) for side in (100, 90))
    inner = ~(row_edge[:, None] | col_edge[None, :])
    np.testing.assert_allclose(found.probability[inner], expected[inner], atol=0.002 + 1e-5)
    differing = np.abs(found.probability - expected) > 0.004
    assert differing.any(), "this scene does not show borders"
    np.testing.assert_allclose(found.probability, expected, atol=0.5 / overlap + 0.002)


def outermost(side: int, tile: int, overlap: int) -> NDArray[np.bool_]:
    """Return which rows or columns are the first or last of some window."""
    edge = np.zeros(side + 2 * tile, dtype=bool)
    for first in range(-(overlap // 2), side, tile - overlap):
        edge[[first + tile, first + 2 * tile - 1]] = True
    return edge[tile : tile + side]


def test_a_crop_shows_the_same_landslides_as_the_whole(run: Callable[..., Found]) -> None:
    scene = terrain((120, 140))
    whole = run(scene, out="whole")
    crop = run(scene[:, 13:101, 29:122], out="crop")
    np.testing.assert_array_equal(crop.mask, whole.mask[13:101, 29:122])
    np.testing.assert_allclose(crop.probability, whole.probability[13:101, 29:122], atol=0.0041)


def test_the_polygons_are_the_mask(run: Callable[..., Found]) -> None:
    scene = terrain((90, 110))
    found = run(scene)
    landslides = found.landslides
    labels, count = ndimage.label(found.mask)
    np.testing.assert_array_equal(found.burnt(), found.mask == 1)
    assert len(landslides) == count
    assert list(landslides.columns) == COLUMNS
    assert landslides.id.tolist() == list(range(1, count + 1))
    assert landslides.area_px.is_monotonic_decreasing
    assert sorted(landslides.area_px) == sorted(np.bincount(labels.ravel())[1:])
    np.testing.assert_allclose(landslides.area_m2, landslides.area_px)
    highest = ndimage.maximum(expected_probability(scene), labels, range(1, count + 1))
    np.testing.assert_allclose(sorted(landslides.max_probability), sorted(highest), atol=1e-5)


def test_the_summary_counts(run: Callable[..., Found]) -> None:
    found = run(terrain((90, 110)))
    summary = found.summary
    assert summary["landslide_px"] == (found.mask == 1).sum() == summary["landslide_area_m2"]
    assert (summary["valid_px"], summary["width"], summary["height"]) == (9900, 110, 90)
    assert summary["landslides"] == len(found.landslides)
    assert (summary["crs"], summary["resolution_m"]) == ("EPSG:32650", 1.0)
    assert (summary["threshold"], summary["engine"], summary["warnings"]) == (0.6013, "red", [])
    assert summary["model_weights_sha256"] == "ab" * 32


# nodata


@pytest.mark.parametrize("how", ["NaN", "NaN as nodata", "tag", "stated", "lowest float"])
def test_nodata_of_any_band_is_never_landslide(run: Callable[..., Found], how: str) -> None:
    fill = {"NaN": np.nan, "NaN as nodata": np.nan, "tag": -9999, "stated": 0}.get(
        how, float(np.finfo(np.float32).min)
    )
    scene = terrain((80, 70)).astype(np.float32)
    holes = np.random.default_rng(1).random(scene.shape) < 0.05
    holes[0, 20:60, 30:65] = True
    scene[holes] = fill
    in_file = None if how in ("NaN", "stated") else fill
    stated = SceneOptions(nodata=0.0 if how == "stated" else None)
    options = ExtractionOptions(tile=32, overlap=8, scene=stated)
    found = run(scene, CertainEngine(), options, nodata=in_file)
    missing = holes.any(axis=0)
    np.testing.assert_array_equal(found.scaled, np.where(missing, 255, 250))
    np.testing.assert_array_equal(found.mask, np.where(missing, 255, 1))
    np.testing.assert_array_equal(found.burnt(), ~missing)
    assert found.summary["landslide_px"] == found.summary["valid_px"] == (~missing).sum()


def test_bands_the_model_does_not_take_may_be_nodata(run: Callable[..., Found]) -> None:
    scene = terrain((40, 40))
    scene[1] = 0
    found = run(scene, model=model_of(("red",)), nodata=0)
    np.testing.assert_allclose(found.probability, expected_probability(scene), atol=0.0021)


def test_next_to_nodata_the_probability_is_the_same(run: Callable[..., Found]) -> None:
    scene = terrain((80, 70))
    expected = expected_probability(scene)
    missing = np.zeros((80, 70), dtype=bool)
    missing[:, 35:] = missing[50:] = True
    scene[0, missing] = 0
    found = run(scene, nodata=0)
    expected[missing] = np.nan
    np.testing.assert_allclose(found.probability, expected, atol=0.002 + 1e-5)


def test_a_scene_of_nothing_but_nodata(run: Callable[..., Found]) -> None:
    engine = RedEngine()
    found = run(np.zeros((2, 50, 60), dtype=np.uint16), engine, nodata=0)
    assert np.unique(found.mask).tolist() == np.unique(found.scaled).tolist() == [255]
    assert engine.shapes == []
    assert list(found.landslides.columns) == COLUMNS
    assert (found.summary["valid_px"], found.summary["skipped_windows_share"]) == (0, 1.0)


def test_windows_without_data_are_not_computed(run: Callable[..., Found]) -> None:
    scene = terrain((64, 128))
    scene[:, :, 64:] = 0
    engine = RedEngine()
    found = run(scene, engine, ExtractionOptions(tile=32, overlap=0), nodata=0)
    assert len(engine.shapes) == 4
    assert found.summary["skipped_windows_share"] == 0.5


# what is kept


@pytest.mark.parametrize("min_area_m2", [0.0, 4.0, 4.1, 1e6])
def test_small_landslides_are_left_out_of_the_polygons_alone(
    run: Callable[..., Found], min_area_m2: float
) -> None:
    scene = np.full((2, 30, 40), 500, dtype=np.uint16)
    for size, col in ((1, 2), (2, 10), (5, 20)):
        scene[0, 4 : 4 + size, col : col + size] = 800
    options = ExtractionOptions(tile=32, overlap=8, min_area_m2=min_area_m2)
    found = run(scene, options=options)
    areas = [area for area in (25, 4, 1) if area >= min_area_m2]
    assert found.landslides.area_m2.tolist() == areas
    assert found.summary["landslide_area_m2"] == sum(areas)
    assert (found.mask == 1).sum() == found.summary["landslide_px"] == 30
    assert list(found.landslides.columns) == COLUMNS


def test_nothing_found_has_the_same_columns(run: Callable[..., Found]) -> None:
    some = run(terrain((30, 40)), out="some")
    found = run(np.full((2, 30, 40), 300, dtype=np.uint16), out="none")
    assert found.landslides.empty
    assert found.landslides.dtypes.to_dict() == some.landslides.dtypes.to_dict()
    assert found.landslides.crs == some.landslides.crs
    assert np.unique(found.mask).tolist() == [0]
    assert found.summary["landslide_area_m2"] == 0


def test_the_threshold_asked_for_is_taken(run: Callable[..., Found]) -> None:
    scene = terrain((60, 60))
    found = run(scene, options=ExtractionOptions(tile=32, overlap=8, threshold=0.4013))
    np.testing.assert_array_equal(found.mask, expected_probability(scene) >= 0.4013)
    assert found.summary["threshold"] == 0.4013


# where it lies


@pytest.mark.parametrize("count", [0, 3], ids=["nothing found", "three landslides"])
def test_without_a_coordinate_system_areas_are_in_pixels(
    run: Callable[..., Found], count: int
) -> None:
    scene = np.full((2, 40, 50), 500, dtype=np.uint16)
    for at in range(count):
        scene[0, 10 * at : 10 * at + 2, 5:8] = 800
    found = run(scene, crs=None, transform=Affine.identity())
    assert found.landslides.area_px.tolist() == [6] * count
    assert found.landslides.area_m2.isna().all()
    assert found.landslides.crs is None
    assert (found.summary["crs"], found.summary["landslide_area_m2"]) == (None, None)
    assert "no coordinate system" in found.summary["warnings"][0]
    np.testing.assert_array_equal(found.burnt(), found.mask == 1)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        pytest.param("EPSG:4326", Affine(1e-5, 0, 100, 0, -1e-5, 60), id="degrees"),
        pytest.param("EPSG:3857", Affine(2, 0, 1e7, 0, -2, 8_399_737), id="web Mercator at 60"),
    ],
)
def test_areas_are_on_the_ellipsoid(run: Callable[..., Found], crs: str, transform: Affine) -> None:
    found = run(terrain((60, 50)), crs=crs, transform=transform)
    geod = pyproj.Geod(ellps="WGS84")
    in_degrees = found.landslides.to_crs(4326)
    expected = [abs(geod.geometry_area_perimeter(shape)[0]) for shape in in_degrees.geometry]
    np.testing.assert_allclose(found.landslides.area_m2, expected, rtol=1e-6)
    assert found.summary["area_method"] == "geodesic"


def test_a_turned_scene(run: Callable[..., Found]) -> None:
    turned = Affine(1.6, 1.2, X, 1.2, -1.6, Y)
    found = run(terrain((60, 50)), transform=turned)
    assert found.grid[1] == turned
    np.testing.assert_allclose(found.landslides.area_m2, 4 * found.landslides.area_px)
    np.testing.assert_array_equal(found.burnt(), found.mask == 1)


def test_another_resolution_is_warned_of(run: Callable[..., Found]) -> None:
    found = run(terrain((60, 50)), transform=Affine(2, 0, X, 0, -2, Y))
    assert "2 m pixels and the model was trained on 1 m" in found.summary["warnings"][0]


# what the engine sees


def test_bands_come_in_the_models_order(run: Callable[..., Found]) -> None:
    scene = terrain((60, 50))
    found = run(scene[::-1], names=("nir", "red"))
    np.testing.assert_allclose(found.probability, expected_probability(scene), atol=0.0021)


def test_bands_are_named_by_the_user(run: Callable[..., Found]) -> None:
    scene = terrain((60, 50))
    named = SceneOptions(bands=Bands.parse("nir,red"))
    options = ExtractionOptions(tile=32, overlap=8, scene=named)
    found = run(scene[::-1], options=options, names=None)
    np.testing.assert_allclose(found.probability, expected_probability(scene), atol=0.0021)


def test_scaled_numbers_are_brought_to_the_models_units(run: Callable[..., Found]) -> None:
    scene = terrain((60, 50))
    reflectance: dict[str, Any] = {
        "units": Units.REFLECTANCE,
        "mean": (0.5, 0.5),
        "std": (0.1, 0.1),
    }
    model = model_of(**reflectance, quantiles=((0.3, 0.5, 0.7),) * 2)
    shifted = (scene * 10 + 1000).astype(np.uint16)
    found = run(shifted, model=model, scales=(1e-4,) * 2, offsets=(-0.1,) * 2)
    np.testing.assert_allclose(found.probability, expected_probability(scene), atol=0.0021)


def test_windows_are_as_planned(run: Callable[..., Found]) -> None:
    engine = RedEngine()
    found = run(terrain((60, 50)), engine, ExtractionOptions(tile=40, overlap=10))
    assert set(engine.shapes) == {(1, 2, 40, 40)}
    assert len(engine.shapes) == 2 * 2
    assert (found.summary["tile"], found.summary["overlap"]) == (40, 10)


# refusals


def test_nothing_is_left_of_a_failure(write_raster: WriteRaster, tmp_path: Path) -> None:
    path = write_raster("scene.tif", terrain((90, 90)), names=("red", "nir"))
    with pytest.raises(MemoryError):
        extract(path, model_of(), BrokenEngine(), tmp_path / "out", SMALL)
    assert [left.name for left in tmp_path.iterdir()] == ["scene.tif"]


def test_a_truncated_scene_leaves_nothing(write_raster: WriteRaster, tmp_path: Path) -> None:
    path = write_raster("scene.tif", terrain((300, 90)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    named = SceneOptions(bands=Bands.parse("red,nir"))
    options = ExtractionOptions(tile=32, overlap=8, scene=named)
    with pytest.raises(InputError, match="may be damaged or truncated"):
        extract(path, model_of(), RedEngine(), tmp_path / "out", options)
    assert [left.name for left in tmp_path.iterdir()] == ["scene.tif"]


def test_an_earlier_result_stays_unless_said(run: Callable[..., Found], tmp_path: Path) -> None:
    run(terrain((40, 40)))
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError):
        run(terrain((50, 50)))
    found = run(terrain((50, 50)), options=ExtractionOptions(tile=32, overlap=8, overwrite=True))
    assert found.mask.shape == (50, 50)
    names = ["landslides.gpkg", "mask.tif", "notes.txt", "probability.tif", "summary.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


@pytest.mark.parametrize(
    ("profile", "options", "error", "message"),
    [
        pytest.param(
            {"names": ("red", "green")}, {}, ModelError, "nir is not among red,green", id="bands"
        ),
        pytest.param(
            {"scales": (1e-4, 1e-4)},
            {},
            ModelError,
            "values in dn and these are in refl",
            id="units",
        ),
        pytest.param(
            {"crs": None, "transform": Affine.identity()},
            {"min_area_m2": 5.0},
            InputError,
            "--min-area is in square metres",
            id="area without coordinates",
        ),
        pytest.param({}, {"tile": 36}, InputError, "--tile is a multiple of 8", id="tile"),
        pytest.param({}, {"overlap": 7}, InputError, "--overlap is an even number", id="overlap"),
    ],
)
def test_what_does_not_fit_is_refused(
    run: Callable[..., Found],
    tmp_path: Path,
    profile: dict[str, Any],
    options: dict[str, Any],
    error: type[LandslipError],
    message: str,
) -> None:
    asked = ExtractionOptions(**({"tile": 32, "overlap": 8} | options))
    with pytest.raises(error, match=message):
        run(terrain((60, 50)), options=asked, **profile)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("factor", [60, 0.02])
def test_values_far_from_the_training_data_are_refused(
    run: Callable[..., Found], factor: float
) -> None:
    with pytest.raises(ModelError, match="the values are in another unit or scale"):
        run((terrain((60, 50)) * factor).astype(np.uint16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "--threshold is over 0 and at most 1; got 0.0"),
        ({"threshold": 1.2}, "--threshold is over 0 and at most 1; got 1.2"),
        ({"min_area_m2": -1.0}, "--min-area is 0 or more square metres; got -1.0"),
        ({"min_area_m2": float("nan")}, "--min-area is 0 or more square metres; got nan"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExtractionOptions(**options)


# work


def test_progress_goes_up_to_all_of_it(write_raster: WriteRaster, tmp_path: Path) -> None:
    path = write_raster("scene.tif", terrain((60, 50)), names=("red", "nir"))
    told: list[tuple[float, float]] = []
    extract(
        path,
        model_of(),
        RedEngine(),
        tmp_path / "out",
        SMALL,
        progress=lambda done, total: told.append((done, total)),
    )
    done = [step for step, _ in told]
    assert done == sorted(done)
    assert told[-1] == (3000, 3000)


def test_memory_does_not_grow_with_the_scenes_height(
    write_raster: WriteRaster, tmp_path: Path
) -> None:
    width = 256
    options = ExtractionOptions(tile=256, overlap=32)
    peaks = {}
    for height in (2_000, 20_000):
        scene = np.full((1, height, width), 500, dtype=np.uint16)
        path = write_raster(f"{height}.tif", scene, names=("red",), tiled=True)
        del scene
        tracemalloc.start()
        extract(path, model_of(("red",)), RedEngine(), tmp_path / str(height), options)
        _, peaks[height] = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    half_a_byte_a_pixel = 18_000 * width // 2
    assert peaks[20_000] < peaks[2_000] + half_a_byte_a_pixel
