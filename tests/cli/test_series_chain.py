"""Scenes of three dates to histories and recovery, through the command line."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from scipy import ndimage
from tests.multitemporal.factories import grid_of, with_ndvi, write_map
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app
from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.io.raster import OutputBand, write_scene
from landslip.io.raster.output import output_bands

SHAPE = (256, 256)
SCAR, CLOUDED = np.s_[60:100, 60:100], np.s_[180:210, 170:200]
NDVI_OF_SCAR = {date(2007, 8, 1): 0.75, date(2008, 8, 1): 0.1, date(2012, 8, 1): 0.43}


def done(*words: object) -> None:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_scenes_become_histories_and_recovery(tmp_path: Path) -> None:
    """Two scars fail between the first dates; one of them is under clouds on the last."""
    generator = np.random.default_rng(0)
    ground = 0.75 + 0.05 * ndimage.gaussian_filter(generator.normal(0, 1, SHAPE), 2) * 7
    radiometry = Radiometry(dtype="uint16", scale=0.0001, units=Units.REFLECTANCE)
    scenes, maps, masks = [], [], []
    for day, scar in NDVI_OF_SCAR.items():
        ndvi, probability = ground.copy(), np.full(SHAPE, 0.02)
        clouds = np.zeros(SHAPE, dtype=np.uint8)
        for part in (SCAR, CLOUDED):
            ndvi[part] = scar + 0.2 * (ground[part] - 0.75)
            probability[part] = 0.95 if scar < 0.2 else 0.5 if scar < 0.5 else 0.02
        if day.year == 2012:
            clouds[170:220, 160:210] = 1
        stored = np.clip(with_ndvi(ndvi) / 0.0001, 1, 9999).astype(np.uint16)
        scenes.append(tmp_path / f"scene_{day}.tif")
        masks.append(tmp_path / f"clouds_{day}.tif")
        write_scene(scenes[-1], stored, grid_of(SHAPE), output_bands(("red", "nir"), radiometry, 0))
        write_scene(
            masks[-1], clouds[np.newaxis], grid_of(SHAPE), (OutputBand(description="clouds"),)
        )
        maps.append(write_map(tmp_path / f"map_{day}", day, probability))
    places = {name: tmp_path / name for name in ("SERIES", "STATES", "TRACKS", "RECOVERY")}
    done(
        "series",
        *scenes,
        *(word for mask in masks for word in ("--clouds", mask)),
        "--out",
        places["SERIES"],
    )
    done(
        "states",
        places["SERIES"],
        *(word for one in maps for word in ("--maps", one)),
        "--triggers",
        "2008-05-12",
        "--out",
        places["STATES"],
    )
    done("track", places["SERIES"], places["STATES"], "--out", places["TRACKS"])
    done("recovery", places["TRACKS"], "--series", places["SERIES"], "--out", places["RECOVERY"])

    tracks = landslip.open_tracks(places["TRACKS"]).tracks
    assert sorted(tracks["states"]) == ["new, not observed", "new, persisting"]
    assert tracks["last_seen_without"].astype(str).tolist() == ["2007-08-01"] * 2
    with Image.open(places["TRACKS"] / "animation.gif") as animation:
        assert len([*ImageSequence.Iterator(animation)]) == 3
    record = json.loads((places["RECOVERY"] / "recovery.json").read_text())
    assert record["landslides"] == 2
    assert record["classes"]["recovering"] == 1
