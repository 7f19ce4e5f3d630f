"""Series of scenes made by code: grid, radiometry, validity, and what is refused."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from tests.multitemporal.series.conftest import BANDS, SHAPE, WriteScene, make_ground

import landslip
from landslip.core.errors import InputError
from landslip.multitemporal.series.folder import Validity

GAINS, OFFSETS = np.array([0.66, 0.7, 0.64, 0.68]), np.array([0.01, 0.0, -0.004, 0.006])


def other_date(ground: np.ndarray, shift_px: tuple[float, float]) -> np.ndarray:
    """Return the ground with a scar, shifted (columns, rows), and of another radiometry."""
    changed = ground.copy()
    changed[:, 60:110, 80:150] = np.array([0.14, 0.18, 0.25, 0.3])[:, None, None]
    moved = np.stack(
        [ndimage.shift(one, shift_px[::-1], order=3, mode="mirror") for one in changed]
    )
    return GAINS[:, None, None] * moved + OFFSETS[:, None, None]


def test_a_shifted_date_of_other_gains_is_brought_to_the_reference(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    ground = make_ground()
    first = write_scene("a_20130812.tif", ground)
    second = write_scene("b_20170805.tif", other_date(ground, (2.3, -1.4)))
    with landslip.series([second, first], out=tmp_path / "S", reference="2013-08-12") as series:
        assert series.days == (date(2013, 8, 12), date(2017, 8, 5))
        before, after = series.card.dates
        assert series.card.reference == before.date
        assert before.shift_px is None
        assert before.normalisation is None
        assert after.shift_px == pytest.approx((2.3, -1.4), abs=0.05)
        assert after.is_shifted
        assert after.residual_px is not None
        assert after.residual_px < 0.2
        assert after.normalisation is not None
        assert tuple(after.normalisation) == BANDS
        for name, gain, offset in zip(BANDS, GAINS, OFFSETS, strict=True):
            line = after.normalisation[name]
            assert line.gain == pytest.approx(1 / gain, rel=0.02)
            assert line.offset == pytest.approx(-offset / gain, abs=0.003)
            assert line.rms_after < 0.25 * line.rms_before
        values, validity = series.read(1, series.grid.window)
        unchanged = (validity == Validity.VALID) & np.all(np.abs(values - ground) < 0.02, axis=0)
        assert unchanged[10:50, 10:-10].mean() > 0.97
        assert not unchanged[70:100, 90:140].any()
        reference, _ = series.read(0, series.grid.window)
        assert np.array_equal(np.rint(reference * 1e4), np.rint(ground * 1e4))
    assert sorted(path.name for path in (tmp_path / "S").iterdir()) == [
        "2013-08-12.tif",
        "2013-08-12_validity.tif",
        "2017-08-05.tif",
        "2017-08-05_validity.tif",
        "series.json",
    ]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_one_date_twice_is_refused(write_scene: WriteScene, tmp_path: Path) -> None:
    first = write_scene("a_20130812.tif", make_ground())
    second = write_scene("b_20130812.tif", make_ground())
    with pytest.raises(InputError, match=r"b_20130812\.tif: a series has one scene for each date"):
        landslip.series([first, second], out=tmp_path / "S")
    assert not (tmp_path / "S").exists()


def test_reading_beyond_the_grid_has_no_data(write_scene: WriteScene, tmp_path: Path) -> None:
    ground = make_ground()
    scenes = [write_scene(f"a_{day}.tif", ground) for day in ("20130812", "20140812")]
    with landslip.series(scenes, out=tmp_path / "S", registration=False) as series:
        window = series.grid.window.padded(5)
        values, validity = series.read(0, window)
    assert values.shape == (4, SHAPE[0] + 10, SHAPE[1] + 10)
    assert (validity[:5] == Validity.NO_DATA).all()
    assert (values[:, :5] == 0).all()
    assert (validity[5:-5, 5:-5] == Validity.VALID).all()
