"""Products whose images cannot be matched."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from landslip.synthetic.sensor import SensorModel

from .conftest import POINTED_WRONG, CommandRunner, ProductLibrary, painted

SNOW = replace(POINTED_WRONG, utc=datetime(2014, 9, 12, 3, 52, 10))
SMALL = replace(POINTED_WRONG, utc=datetime(2014, 9, 14, 3, 52, 10))
EVEN = replace(POINTED_WRONG, utc=datetime(2014, 9, 15, 3, 52, 10))
HALF_CLOUD = replace(POINTED_WRONG, utc=datetime(2014, 9, 13, 3, 52, 10))


@pytest.fixture(scope="module")
def snow(library: ProductLibrary) -> Path:
    """Give a product of even ground: what differs is the sensor's noise."""
    even = np.full_like(library.ground.reflectance, 0.3)
    ground = replace(library.ground, reflectance=even)
    return library.new(SNOW, ground=ground, sensor=SensorModel())


def test_images_without_detail_stay_where_their_cameras_are(
    work: CommandRunner, snow: Path
) -> None:
    made = work.run(snow, registers=True)
    assert made.exit_code == 0, made.output
    said = "warning: MSS and PAN could not be matched and stay where their camera models place them"
    assert said in made.stderr
    quality = work.scene_of(snow).quality
    assert quality["registration"] is None
    assert quality["request"]["registers"] is True
    assert "hold too little to be matched" in quality["unmatched"]["registration"]
    assert quality["unmatched"]["registration"] in quality["warnings"]
    refused = work.refused(snow, "--registration", "required", registers=True)
    assert "made of images that could not be matched" in refused
    work.preprocess(snow, "--registration", "off", out="off", registers=True)
    off = work.scene_of(snow, "off").quality
    assert off["unmatched"] == {}
    assert off["request"]["registers"] is False
    assert not [line for line in off["warnings"] if "matched" in line]
    np.testing.assert_array_equal(work.scene_of(snow, "off").stored, work.scene_of(snow).stored)


def test_a_match_may_be_required(work: CommandRunner, snow: Path) -> None:
    said = work.refused(snow, "--registration", "required", registers=True)
    assert "at least 8 tie points are needed and" in said
    assert "--registration auto keeps such images" in said
    assert work.files() == []


def test_a_reference_without_detail_is_not_used(
    work: CommandRunner, library: ProductLibrary, snow: Path
) -> None:
    reference = work.preprocess(snow, out="snow").path
    made = work.run(library.summer, "--reference", reference)
    assert made.exit_code == 0, made.output
    assert "warning: the reference could not be matched and was not used" in made.stderr
    quality = work.scene_of(library.summer).quality
    assert quality["reference"] is None
    assert list(quality["unmatched"]) == ["reference"]


def test_the_clear_half_of_a_scene_is_enough(work: CommandRunner, library: ProductLibrary) -> None:
    cloudy = painted(library.ground, np.s_[:, :504], (0.6, 0.6, 0.6, 0.6))
    product = library.new(HALF_CLOUD, ground=cloudy, sensor=SensorModel(), shape=(200, 208))
    quality = work.preprocess(product, registers=True).quality
    assert quality["unmatched"] == {}
    assert quality["registration"]["after"]["rms_px"] < 0.3


def test_a_small_product_stays_where_its_cameras_are(
    work: CommandRunner, library: ProductLibrary
) -> None:
    made = work.run(library.new(SMALL, shape=(50, 52)), registers=True)
    assert made.exit_code == 0, made.output
    assert "the common ground has room for" in made.stderr


def test_an_image_that_is_the_same_everywhere_is_named(
    work: CommandRunner, library: ProductLibrary
) -> None:
    """As under cloud that saturates it."""
    even = np.full_like(library.ground.reflectance, 0.3)
    product = library.new(EVEN, ground=replace(library.ground, reflectance=even))
    said = work.refused(product, registers=True)
    assert said.startswith(f"landslip: {product}: fusion needs a panchromatic band that varies")
