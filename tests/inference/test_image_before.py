"""A model of two dates, where the image before sees next to nothing of the scene."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.conftest import WriteRaster
from tests.inference.factories import SMALL, MapFiles, Pixels, RedEngine, model_of, odds, terrain

from landslip.core.bands import BandRadiometry
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.inference.run import extract
from landslip.models.folder import ModelFolder
from landslip.preprocessing.stack.scene import StackSources

SHAPE = (160, 160)


class BeforeEngine(RedEngine):
    """Looks at the second band, the date before."""

    def predict(self, batch: Pixels) -> Pixels:
        return odds(batch[:, 1])


def two_dates(drop_sources: float) -> ModelFolder:
    each = (BandRadiometry(units=Units.DN), BandRadiometry(units=Units.DN, nodata=0))
    model = model_of(("red", "before_red"), band_radiometry=each, nodata=0.0)
    training = model.card.training.model_copy(update={"config": {"drop_sources": drop_sources}})
    return ModelFolder(model.path, model.card.model_copy(update={"training": training}))


def written(write_raster: WriteRaster, name: str, pixels: NDArray[np.uint16]) -> Path:
    return write_raster(name, pixels, names=("red",), nodata=0)


def test_it_is_refused_or_missing_where_the_model_bears_it(
    write_raster: WriteRaster, tmp_path: Path
) -> None:
    red = terrain(SHAPE)[:1]
    hidden = red.copy()
    hidden[:, 10:], hidden[:, :, 10:] = 0, 0
    scene = written(write_raster, "scene.tif", red)
    before = written(write_raster, "before.tif", hidden)
    options = replace(SMALL, sources=StackSources(before=before))
    with pytest.raises(InputError, match=r"before\.tif: an image before sees at least 1% of"):
        extract(scene, two_dates(0.0), BeforeEngine(), tmp_path / "refused", options)
    assert not [path for path in tmp_path.iterdir() if "refused" in path.name]
    extract(scene, two_dates(0.3), BeforeEngine(), tmp_path / "out", options)
    found = MapFiles(tmp_path / "out")
    assert (found.steps == 125).all()  # of the mean of the training data
    (warning,) = [text for text in found.summary["warnings"] if "image before" in text]
    assert "the image before sees 0.39% of the scene" in warning
