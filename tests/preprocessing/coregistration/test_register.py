import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform as warp_points

from landslip.core.choices import RegistrationModel
from landslip.core.errors import InputError, OutputExistsError, RegistrationError
from landslip.preprocessing.coregistration.alignment import RegistrationOptions
from landslip.preprocessing.coregistration.register import RegistrationReport, register

WriteRaster = Callable[..., Path]
Coordinates = NDArray[np.float64]
X, Y = 500_000.0, 4_000_000.0
NAMES = ("red", "nir")
NODATA = 65535


class MapTexture:
    """Texture with a value at every place in metres: a sum of plane waves."""

    def __init__(self, seed: int = 0, finest_m: float = 3.0, waves: int = 90) -> None:
        generator = np.random.default_rng(seed)
        length = np.exp(generator.uniform(np.log(finest_m), np.log(150), waves))
        angle, self._phase = generator.uniform(0, 2 * np.pi, (2, waves))
        self._u, self._v = np.cos(angle) / length, np.sin(angle) / length

    def __call__(self, x: Coordinates, y: Coordinates) -> Coordinates:
        if x.ndim == 2 and np.array_equal(x[0], x[-1]) and np.array_equal(y[:, 0], y[:, -1]):
            across = np.exp(2j * np.pi * np.outer(self._u, x[0] - X) + 1j * self._phase[:, None])
            down = np.exp(2j * np.pi * np.outer(y[:, 0] - Y, self._v))
            return np.asarray(1000 + 20 * (down @ across).imag)
        value = np.full(x.shape, 1000.0)
        for u, v, phase in zip(self._u, self._v, self._phase, strict=True):
            value += 20 * np.sin(2 * np.pi * (u * (x - X) + v * (y - Y)) + phase)
        return value


def places(transform: Affine, shape: tuple[int, int]) -> tuple[Coordinates, Coordinates]:
    rows, cols = np.mgrid[: shape[0], : shape[1]] + 0.5
    x, y = transform @ (cols, rows)
    return x, y


def bands(red: Coordinates) -> NDArray[np.uint16]:
    """Two bands of inverted contrast."""
    return np.stack([red, 4000 - 2 * red]).round().astype(np.uint16)


def at(size: float, x: float = X, y: float = Y) -> Affine:
    return Affine(size, 0, x, 0, -size, y)


class Scenes:
    """Writes scenes of one texture."""

    def __init__(self, write: WriteRaster, texture: MapTexture) -> None:
        self._write = write
        self.texture = texture

    def reference(
        self, size: float = 1.0, shape: tuple[int, int] = (380, 420), **profile: Any
    ) -> Path:
        values = bands(self.texture(*places(at(size), shape)))
        given = {"names": NAMES, "transform": at(size), "nodata": NODATA} | profile
        return self._write("reference.tif", values, **given)

    def moving(
        self,
        shift: tuple[float, float],
        size: float = 1.0,
        shape: tuple[int, int] = (380, 420),
        **profile: Any,
    ) -> Path:
        """Write a scene whose georeferencing is ``shift`` metres off."""
        there = at(size, X + 20, Y - 16)
        values = bands(self.texture(*places(there, shape)))
        values[:, :60, :50] = NODATA
        said = Affine.translation(*shift) @ there
        given = {"names": NAMES, "transform": said, "nodata": NODATA} | profile
        return self._write("moving.tif", values, **given)

    def error(self, path: Path, edge: int = 4) -> tuple[float, float]:
        """Return the rms difference to the truth of a scene's red and its share without data."""
        with rasterio.open(path) as file:
            red = file.read(1).astype(np.float64)
            valid = red != file.nodata
            x, y = places(file.transform, file.shape)
        inner = valid.copy()
        for axis in (0, 1):
            for by in (-edge, edge):
                inner &= np.roll(valid, by, axis)
        inner[:edge] = inner[-edge:] = inner[:, :edge] = inner[:, -edge:] = False
        return float(np.sqrt(np.mean((red - self.texture(x, y))[inner] ** 2))), 1 - valid.mean()


@pytest.fixture
def scenes(write_raster: WriteRaster) -> Scenes:
    return Scenes(write_raster, MapTexture())


def run(moving: Path, reference: Path, out: Path, **options: Any) -> RegistrationReport:
    return register(moving, reference, out, RegistrationOptions(max_shift_m=20, **options))


@pytest.mark.parametrize("model", list(RegistrationModel))
def test_a_displaced_scene_is_registered(
    scenes: Scenes, tmp_path: Path, model: RegistrationModel
) -> None:
    out = tmp_path / "out.tif"
    done = run(scenes.moving((7.3, -4.6)), scenes.reference(), out, model=model)
    error, missing = scenes.error(out)
    # interpolation and rounding alone; a tenth of a pixel would add 15
    assert error < 6
    assert missing == pytest.approx(60 * 50 / (380 * 420), abs=0.01)
    # what was said to lie 7.3 m right and 4.6 m down of where it is, is seen there
    assert done.before.mean_dx_px == pytest.approx(7.3, abs=0.02)
    assert done.before.mean_dy_px == pytest.approx(4.6, abs=0.02)
    assert done.checked.rms_px < 0.03
    assert done.after.kept > 0.9 * done.after.count


def test_the_output_stacks_and_keeps_what_the_numbers_mean(scenes: Scenes, tmp_path: Path) -> None:
    reference = scenes.reference()
    moving = scenes.moving(
        (7.3, -4.6), scales=(1e-4, 1e-4), offsets=(-0.1, -0.1), units=("reflectance",) * 2
    )
    run(moving, reference, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.crs == rasterio.crs.CRS.from_epsg(32650)
        assert (file.transform.a, file.transform.e) == (1, -1)
        # whole pixels of the reference, about where the scene truly is
        corner = (file.transform.c - X, Y - file.transform.f)
        assert corner == (round(corner[0]), round(corner[1]))
        assert corner == pytest.approx((20, 16), abs=1)
        assert file.shape == pytest.approx((380, 420), abs=1)
        assert file.dtypes == ("uint16", "uint16")
        assert file.descriptions == NAMES
        assert file.nodata == NODATA
        assert (file.scales, file.offsets) == ((1e-4,) * 2, (-0.1,) * 2)
        assert file.units == ("reflectance",) * 2
        assert file.profile["tiled"]
        red, nir = file.read().astype(np.float64)
    assert np.abs(2 * red + nir - 4000)[red != NODATA].max() <= 3  # all bands moved alike
    assert not list(tmp_path.glob(".*"))


def test_rotation_and_scale_are_taken_out(scenes: Scenes, tmp_path: Path) -> None:
    there = at(1.0, X + 20, Y - 16)
    values = bands(scenes.texture(*places(there, (380, 420))))
    said = Affine.translation(5, 3) @ there @ Affine.rotation(0.5) @ Affine.scale(1.006)
    moving = scenes._write("moving.tif", values, names=NAMES, transform=said, nodata=NODATA)
    run(moving, scenes.reference(), tmp_path / "out.tif")
    assert scenes.error(tmp_path / "out.tif")[0] < 6
    with pytest.raises(InputError, match=r"tie points (may stray by 1 px|must agree on one shift)"):
        run(moving, scenes.reference(), tmp_path / "no.tif", model=RegistrationModel.SHIFT)
    assert not (tmp_path / "no.tif").exists()


def test_another_coordinate_system_is_left_behind(scenes: Scenes, tmp_path: Path) -> None:
    shape = (360, 400)
    (lon,), (lat,) = warp_points("EPSG:32650", "EPSG:4326", [X + 30], [Y - 20])
    degrees = Affine(1.12e-5, 0, lon, 0, -9e-6, lat)
    x, y = warp_points(
        "EPSG:4326", "EPSG:32650", *(part.ravel() for part in places(degrees, shape))
    )
    values = bands(scenes.texture(np.reshape(x, shape), np.reshape(y, shape)))
    said = Affine.translation(6 * 1.12e-5, 3 * 9e-6) @ degrees
    moving = scenes._write(
        "moving.tif", values, names=NAMES, crs="EPSG:4326", transform=said, nodata=NODATA
    )
    done = run(moving, scenes.reference(), tmp_path / "out.tif")
    assert done.before.rms_px == pytest.approx(np.hypot(6, 3), abs=0.15)
    assert scenes.error(tmp_path / "out.tif")[0] < 6
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.crs.to_epsg() == 32650


@pytest.mark.parametrize(
    ("ours", "theirs", "pixel", "matched"),
    [(1.0, 3.0, 1.0, 3.0), (3.0, 1.0, 3.0, 3.0)],
    ids=["finer", "coarser"],
)
def test_scenes_of_two_resolutions_meet_at_the_coarser(
    write_raster: WriteRaster,
    tmp_path: Path,
    ours: float,
    theirs: float,
    pixel: float,
    matched: float,
) -> None:
    scenes = Scenes(write_raster, MapTexture(finest_m=15.0))

    def shape(size: float) -> tuple[int, int]:
        return int(720 / size), int(780 / size)

    moving = scenes.moving((9.3, -6.6), ours, shape(ours))
    done = run(moving, scenes.reference(theirs, shape(theirs)), tmp_path / "out.tif")
    assert done.resolution_m == pytest.approx(matched)
    assert done.before.mean_dx_px * matched == pytest.approx(9.3, abs=0.1)
    error, _ = scenes.error(tmp_path / "out.tif")
    assert error < 6
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.res == (pixel, pixel)


def hilly(x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Displacements as terrain makes them, up to 1.5 m."""
    return 1.5 * np.sin((x - X) / 90) * np.cos((y - Y) / 110), 0.8 * np.sin((y - Y) / 70)


def test_a_local_field_follows_what_affine_cannot(scenes: Scenes, tmp_path: Path) -> None:
    there = at(1.0, X + 20, Y - 16)
    x, y = places(there, (380, 420))
    dx, dy = hilly(x, y)
    values = bands(scenes.texture(x + dx, y + dy))
    moving = scenes._write("moving.tif", values, names=NAMES, transform=there, nodata=NODATA)
    reference = scenes.reference()
    errors, left = {}, {}
    for model in (RegistrationModel.AFFINE, RegistrationModel.LOCAL):
        done = run(moving, reference, tmp_path / f"{model}.tif", model=model, max_residual_px=2)
        left[model] = done.checked.rms_px
        errors[model] = scenes.error(tmp_path / f"{model}.tif", edge=40)[0]
    assert done.model == "local"
    assert done.local_field is not None
    assert done.local_field["predicted_px"] < 0.7 * done.local_field["affine_px"]
    assert errors[RegistrationModel.LOCAL] < 0.5 * errors[RegistrationModel.AFFINE]
    assert left[RegistrationModel.LOCAL] < 0.2
    assert left[RegistrationModel.AFFINE] > 0.4  # not flattered by leaving out what does not fit


def test_clouds_and_changed_ground_are_rejected_as_outliers(scenes: Scenes, tmp_path: Path) -> None:
    moving = scenes.moving((7.3, -4.6))
    with rasterio.open(moving, "r+") as file:
        values = file.read()
        generator = np.random.default_rng(0)
        for _ in range(12):
            row, col = generator.integers(0, 330, 2)
            values[:, row : row + 45, col : col + 60] = generator.integers(300, 4000)
        file.write(values)
    done = run(moving, scenes.reference(), tmp_path / "out.tif")
    assert done.coefficients[2] == pytest.approx(7.3, abs=0.1)
    assert done.coefficients[5] == pytest.approx(4.6, abs=0.1)


def test_unnamed_bands_and_missing_nodata_are_reported(scenes: Scenes, tmp_path: Path) -> None:
    moving = scenes.moving((7.3, -4.6), names=None, nodata=None)
    done = run(moving, scenes.reference(names=None), tmp_path / "out.tif", nodata=NODATA)
    assert done.bands == ["band1", "band2"]
    assert done.warnings == []
    done = run(scenes.moving((2, 3), nodata=None), scenes.reference(), tmp_path / "two.tif")
    assert done.warnings == [
        "the scene states no usable nodata value: 0 marks what it does not cover"
    ]
    with rasterio.open(tmp_path / "two.tif") as file:
        assert file.nodata == 0
        assert (file.read(1)[0] == 0).any()


def test_the_report_is_json_with_metres(scenes: Scenes, tmp_path: Path) -> None:
    done = run(scenes.moving((7.3, -4.6)), scenes.reference(), tmp_path / "out.tif", band="nir")
    done.write(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["bands"] == ["nir"]
    assert told["before_rms_m"] == pytest.approx(np.hypot(7.3, 4.6), abs=0.03)
    assert told["checked"]["kept"] <= told["checked"]["count"]
    assert (told["moving"], told["reference"]) == ("moving.tif", "reference.tif")


def test_what_cannot_be_registered_is_refused_and_nothing_written(
    scenes: Scenes, write_raster: WriteRaster, tmp_path: Path
) -> None:
    reference, moving, out = scenes.reference(), scenes.moving((7.3, -4.6)), tmp_path / "out.tif"
    far = scenes._write("far.tif", bands(np.ones((90, 90))), names=NAMES, transform=at(1, X + 9e4))
    flat = scenes._write("flat.tif", bands(np.full((380, 420), 9.0)), names=NAMES)
    plain = scenes._write("plain.png", bands(np.ones((90, 90)))[0])
    other = Scenes(write_raster, MapTexture(seed=5)).texture
    strange = scenes._write("strange.tif", bands(other(*places(at(1), (380, 420)))), names=NAMES)
    for one, options, message in (
        (far, {}, r"must overlap by at least 64 px; they do by nothing"),
        (plain, {}, r"plain\.png: both scenes must be georeferenced and this one has no"),
        (flat, {}, "at least 4 tie points are needed and 0 were found"),
        (moving, {"band": "green"}, r"moving\.tif: band names a band of both scenes; got green"),
        (strange, {}, r"tie points are needed|must agree on one"),
    ):
        with pytest.raises(InputError, match=message):
            run(one, reference, out, **options)
    near = RegistrationOptions(max_shift_m=4)
    with pytest.raises(InputError, match=r"tie points are needed|may be at most|must agree"):
        register(moving, reference, out, near)
    with pytest.raises(InputError, match="may not replace a scene that is read"):
        run(moving, reference, moving, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == []


@pytest.mark.parametrize("side", [100, 200])
def test_small_scenes_are_searched_less_widely(scenes: Scenes, tmp_path: Path, side: int) -> None:
    fixed = scenes.reference(2.0, (side, side))
    said = at(2.0, X + 7.0, Y - 5.0)
    values = bands(scenes.texture(*places(at(2.0), (side, side))))
    moving = scenes._write("moving.tif", values, names=NAMES, transform=said, nodata=NODATA)
    done = register(moving, fixed, tmp_path / "out.tif", RegistrationOptions())
    assert done.before.mean_dx_px == pytest.approx(3.5, abs=0.1)
    assert done.checked.rms_px < 0.1
    wide = RegistrationOptions(max_shift_m=100)
    with pytest.raises(InputError, match="too little to search for shifts of 100 m") as told:
        register(moving, fixed, tmp_path / "wide.tif", wide)
    within = re.search(r"pass at most max_shift=(\d+)$", str(told.value))
    assert within is not None
    register(moving, fixed, tmp_path / "wide.tif", RegistrationOptions(max_shift_m=int(within[1])))


def test_advice_fits_the_case(scenes: Scenes, tmp_path: Path) -> None:
    flat = bands(np.full((380, 420), 900.0))
    flat += np.random.default_rng(0).integers(0, 5, flat.shape, dtype=np.uint16)
    moving = scenes._write("flat.tif", flat, names=NAMES, nodata=NODATA)
    fixed, out = scenes.reference(), tmp_path / "out.tif"
    widest = RegistrationOptions(max_shift_m=80)
    for options, advice in (
        (RegistrationOptions(), r"more than 38 m apart \(search up to max_shift=\d+\)$"),
        (widest, r"more than 80 m apart, which is all that can be searched in their common 420 x"),
    ):
        with pytest.raises(RegistrationError, match="hold too little to be matched") as told:
            register(moving, fixed, out, options)
        assert re.search(advice, str(told.value)), told.value
    values = bands(scenes.texture(*places(at(1), (80, 80))))
    tiny = scenes._write("tiny.tif", values, names=NAMES)
    with pytest.raises(RegistrationError, match=r"at least 8 .* has room for \d; use images with"):
        register(fixed, tiny, out, RegistrationOptions(max_shift_m=4))


def test_existing_output_is_refused(scenes: Scenes, tmp_path: Path) -> None:
    reference, moving, out = scenes.reference(), scenes.moving((1.5, 2.5)), tmp_path / "out.tif"
    out.write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="already exists"):
        run(moving, reference, out)
    assert out.read_bytes() == b"mine"
    run(moving, reference, out, overwrite=True)
    with rasterio.open(out) as file:
        assert file.count == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_shift_m": 0.0}, "max_shift is over 0 metres; got 0.0"),
        ({"max_residual_px": -1.0}, "max_residual is over 0 pixels; got -1.0"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RegistrationOptions(**changes)
