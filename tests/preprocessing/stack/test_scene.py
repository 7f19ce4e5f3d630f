import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from tests.factories.stacks import MOVED_PX, NAMES, Sources

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions
from landslip.preprocessing.stack.scene import (
    StackSources,
    open_stack,
    sources_of,
    stack_fingerprint,
)

TERRAIN = ("slope", "northness", "eastness", "curvature")
BEFORE = tuple(f"before_{name}" for name in NAMES)


def stack_of(sources: Sources) -> StackSources:
    return StackSources(dem=sources.dem, before=sources.before)


def test_bands_of_all_sources_are_on_the_scenes_grid(sources: Sources) -> None:
    with open_stack(sources.scene, sources=stack_of(sources)) as scene:
        assert scene.bands == Bands((*NAMES, *TERRAIN, *BEFORE))
        stored, valid = scene.read(scene.grid.window)
        values = dict(zip(scene.bands, scene.radiometry.values(stored), strict=True))
    with Scene(sources.scene) as plain:
        own, _ = plain.read(plain.grid.window)
    assert valid.all()
    np.testing.assert_array_equal(stored[:3], own)
    known = np.isfinite(values["slope"])
    assert 0.9 < known.mean() < 1  # the model has a gap
    np.testing.assert_allclose(values["slope"][known], np.degrees(np.arctan(0.5)), atol=0.02)
    inner = np.zeros(valid.shape, dtype=np.bool_)
    inner[8:-8, 8:-8] = True
    same = inner & np.isfinite(values["before_red"])
    # moved back, and as bright as the scene; the ground that changed shows what was there before
    differences = values["before_red"] - sources.ground[1]
    assert np.abs(differences[same & ~sources.changed]).mean() < 0.006
    assert np.abs(differences[same & sources.changed]).mean() < 0.006


def test_the_displacement_and_the_gain_are_those_that_were_made(sources: Sources) -> None:
    with open_stack(sources.scene, sources=StackSources(before=sources.before)) as scene:
        alignment = sources_of(scene).alignment
        notes = [note.key for note in scene.validity.notes]
    assert alignment is not None
    assert notes == []
    assert alignment.coefficients is not None
    assert alignment.coefficients[2] == pytest.approx(-MOVED_PX[0], abs=0.1)
    assert alignment.coefficients[5] == pytest.approx(-MOVED_PX[1], abs=0.1)
    assert alignment.gain == pytest.approx((0.8,) * 3, abs=0.03)
    assert alignment.offset == pytest.approx((0.02,) * 3, abs=5e-3)


def test_windows_and_orders_of_bands_agree_with_all_at_once(sources: Sources) -> None:
    window = Window(250, 90, 150, 70)  # beyond the right edge
    wanted = Bands(("before_nir", "slope", "red", "eastness"))
    with open_stack(sources.scene, sources=stack_of(sources)) as scene:
        whole, _ = scene.read(scene.grid.window, wanted)
        part, valid = scene.read(window, wanted)
        terrain, _ = scene.read(window, Bands(("slope",)))
        # another thread or process opens it again, as it was measured
        again = pickle.loads(pickle.dumps(sources_of(scene)))  # noqa: S301 - made just now
    np.testing.assert_array_equal(valid, np.arange(150) < 384 - 250 + np.zeros((70, 1)))
    differences = part[:, :, :134].astype(int) - whole[:, 90:160, 250:]
    assert np.abs(differences).max() <= 1
    np.testing.assert_array_equal(terrain[0], part[1])
    with open_stack(sources.scene, sources=again) as scene:
        np.testing.assert_array_equal(scene.read(window, wanted)[0], part)


def test_bands_that_the_file_has_are_read_from_it(sources: Sources, tmp_path: Path) -> None:
    with rasterio.open(sources.scene) as file:
        profile, pixels = file.profile, file.read()
    path = tmp_path / "with_slope.tif"
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
        file.descriptions = ("green", "red", "slope")
    with open_stack(path, sources=StackSources(dem=sources.dem)) as scene:
        stored, _ = scene.read(scene.grid.window, Bands(("slope", "northness")))
    np.testing.assert_array_equal(stored[0], pixels[2])


def test_sources_follow_the_bands_that_are_needed(sources: Sources) -> None:
    both = stack_of(sources)
    assert both.for_bands(Bands(("red", "nir"))).files == {}
    assert both.for_bands(Bands(("red", "elevation"))).terrain == ("elevation",)
    assert set(both.for_bands(Bands(("red", "before_red"))).files) == {"before"}
    plain = stack_fingerprint(sources.scene, StackSources())
    full = stack_fingerprint(sources.scene, both)
    assert plain.items() <= full.items()
    assert {"dem sha256", "before sha256"} == full.keys() - plain.keys()


@pytest.mark.parametrize(
    ("terrain", "message"),
    [
        (("hillshade",), "terrain names bands among slope, .*; got hillshade"),
        (("slope", "eastness"), "two parts of one direction; take both or none"),
    ],
)
def test_other_terrain_is_refused(terrain: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        StackSources(dem=Path("dem.tif"), terrain=terrain)


def test_an_image_without_a_common_band_is_refused(sources: Sources, tmp_path: Path) -> None:
    with rasterio.open(sources.before) as file:
        profile, pixels = file.profile, file.read()
    path = tmp_path / "other.tif"
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
        file.descriptions = ("b1", "b2", "b3")
    with pytest.raises(InputError, match=r"other\.tif: the image before has a band of the scene"):
        open_stack(sources.scene, sources=StackSources(before=path))


def test_without_an_image_before_its_bands_are_missing_for_what_bears_it(sources: Sources) -> None:
    wanted = Bands(("red", "before_red"))
    assert StackSources().for_bands(wanted).missing == ()
    bears = StackSources().for_bands(wanted, bears_gaps=True)
    assert bears.missing == ("before_red",)
    assert stack_of(sources).for_bands(wanted, bears_gaps=True).missing == ()
    with open_stack(sources.scene, sources=bears) as scene:
        values = scene.radiometry_of(wanted).values(scene.read(Window(0, 0, 50, 40), wanted)[0])
        keys = [note.key for note in scene.validity.notes]
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()
    assert keys == ["stack.no_before"]


def rewritten(
    path: Path, out: Path, change: Callable[[NDArray[Any]], None], **profile: Any
) -> Path:
    """Write a raster again, its pixels (bands, height, width) changed in place."""
    with rasterio.open(path) as file:
        pixels, kept, names = file.read(), file.profile | profile, file.descriptions
        scales, units = file.scales, file.units
    change(pixels)
    with rasterio.open(out, "w", **kept) as file:
        file.write(pixels.astype(kept["dtype"]))
        file.descriptions = names
        if "dtype" not in profile:
            file.scales, file.units = scales, units
    return out


def test_an_image_that_sees_almost_nothing_is_refused_or_missing(
    sources: Sources, tmp_path: Path
) -> None:
    def hide(pixels: NDArray[Any]) -> None:
        pixels[:, 20:] = 0
        pixels[:, :, 20:] = 0  # 400 of 147,456 px

    before = rewritten(sources.before, tmp_path / "hidden.tif", hide)
    stated = StackSources(before=before)
    with pytest.raises(
        InputError, match=r"hidden\.tif: an image before sees at least 1% of .*0\.2"
    ):
        open_stack(sources.scene, sources=stated)
    wanted = Bands(("red", "before_red"))
    bears = stated.for_bands(wanted, bears_gaps=True)
    with open_stack(sources.scene, sources=bears) as scene:
        assert [note.key for note in scene.validity.notes] == ["stack.before_unseen"]
        assert sources_of(scene).before is None
        values = scene.radiometry_of(wanted).values(scene.read(Window(0, 0, 50, 40), wanted)[0])
    assert np.isnan(values[1]).all()


def test_an_image_of_which_nothing_fits_is_left_as_it_is(sources: Sources, tmp_path: Path) -> None:
    def shuffle(pixels: NDArray[Any]) -> None:
        pixels[:] = (
            np.random.default_rng(0).permuted(pixels.reshape(3, -1), axis=1).reshape(pixels.shape)
        )

    before = rewritten(sources.before, tmp_path / "other.tif", shuffle)
    with open_stack(sources.scene, sources=StackSources(before=before)) as scene:
        alignment = sources_of(scene).alignment
        notes = scene.validity.notes
    assert alignment is not None
    assert [note.key for note in notes] == ["stack.not_registered", "warning.stack_no_lines"]
    assert "band" not in notes[0].text()  # the remedy is of another command
    assert alignment.gain == (1.0,) * 3
    bytes_ = rewritten(
        before,
        tmp_path / "bytes.tif",
        lambda pixels: np.floor_divide(pixels, 40, out=pixels),
        dtype="uint8",
    )
    with pytest.raises(InputError, match=r"bytes\.tif: an image before in other units"):
        open_stack(sources.scene, sources=StackSources(before=bytes_))


def test_an_image_in_other_units_is_brought_to_the_scenes(sources: Sources, tmp_path: Path) -> None:
    before = rewritten(
        sources.before,
        tmp_path / "bytes.tif",
        lambda pixels: np.floor_divide(pixels, 40, out=pixels),
        dtype="uint8",
    )
    with open_stack(sources.scene, sources=StackSources(before=before)) as scene:
        alignment = sources_of(scene).alignment
    assert alignment is not None
    # a stored 1 is 0.004, and numbers are rounded down
    assert alignment.gain == pytest.approx((0.8 * 0.004,) * 3, rel=0.03)
    assert alignment.offset == pytest.approx((0.02 + 0.8 * 0.002,) * 3, abs=5e-3)


def test_stated_names_are_of_an_image_without_names_too(sources: Sources, tmp_path: Path) -> None:
    paths = []
    for path in (sources.scene, sources.before):
        with rasterio.open(path) as file:
            profile, pixels = file.profile, file.read()
        paths.append(tmp_path / f"unnamed_{path.name}")
        with rasterio.open(paths[-1], "w", **profile) as file:
            file.write(pixels)
    options = SceneOptions(bands=Bands(NAMES))
    with open_stack(paths[0], options, StackSources(before=paths[1])) as scene:
        assert scene.bands == Bands((*NAMES, *BEFORE))
