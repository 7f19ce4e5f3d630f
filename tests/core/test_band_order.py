import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.band_order import guess_bands, match_band_order
from landslip.core.bands import Bands

NAMES = ("blue", "green", "red", "nir")
BANDS = Bands(NAMES)


def land(
    seed: int,
    pixels: int = 4000,
    *,
    gains: tuple[float, ...] = (1, 1, 1, 1),
    haze: float = 0.04,
    vegetated: float = 0.6,
) -> NDArray[np.float64]:
    """Return pixels (4, n) of lit soil and vegetation, under haze, by a sensor's gains."""
    generator = np.random.default_rng(seed)
    cover = generator.beta(4 * vegetated, 4 * (1 - vegetated), pixels)
    light = generator.uniform(0.6, 1.0, pixels)
    soil, leaves = (
        np.array([[0.08], [0.12], [0.17], [0.25]]),
        np.array([[0.03], [0.06], [0.03], [0.42]]),
    )
    scattered = haze * np.array([[1.0], [0.6], [0.4], [0.1]])
    noise = generator.normal(0, 0.003, (4, pixels))
    seen = light * (cover * leaves + (1 - cover) * soil) + scattered + noise
    return np.asarray(seen * np.array(gains)[:, None])


def training(
    values: NDArray[np.float64],
) -> tuple[list[tuple[float, float, float]], list[list[float]]]:
    quantiles = np.quantile(values, (0.01, 0.5, 0.99), axis=1).T
    rows = [(low, middle, high) for low, middle, high in quantiles.tolist()]
    return rows, np.atleast_2d(np.corrcoef(values)).tolist()


@pytest.mark.parametrize("with_correlations", [True, False], ids=["new model", "old model"])
def test_every_wrong_order_of_a_scene_like_the_training_data_is_found(
    with_correlations: bool,
) -> None:
    quantiles, correlations = training(land(0))
    scene = land(1)
    for order in itertools.permutations(range(4)):
        match = match_band_order(
            scene[list(order)], BANDS, quantiles, correlations if with_correlations else None
        )
        assert match is not None
        if order == (0, 1, 2, 3):
            assert match.contrast == 0
        else:
            assert match.is_doubtful, order
        assert match.likely.names == tuple(NAMES[at] for at in order)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"gains": (1.6, 1.2, 0.8, 1.1)}, id="another sensor"),
        pytest.param({"gains": (0.3, 0.6, 0.7, 4.0)}, id="gains far from those of the training"),
        pytest.param({"vegetated": 0.15}, id="dry season"),
        pytest.param({"haze": 0.12}, id="haze"),
        pytest.param({"haze": 0.0}, id="no haze"),
    ],
)
def test_another_sensor_or_season_is_no_wrong_order(other: dict[str, float]) -> None:
    quantiles, correlations = training(land(0))
    match = match_band_order(land(1, **other), BANDS, quantiles, correlations)  # type: ignore[arg-type]
    assert match is not None
    assert not match.is_doubtful


@pytest.mark.parametrize("noise", [0.002, 0.01])
@pytest.mark.parametrize(
    "levels", [(0.07, 0.06, 0.035, 0.012), (0.09, 0.12, 0.13, 0.06)], ids=["clear", "turbid"]
)
def test_open_water_is_no_wrong_order(levels: tuple[float, ...], noise: float) -> None:
    """Near infrared is the darkest band of water, and the brightest one of the training data."""
    generator = np.random.default_rng(2)
    light = generator.normal(1, 0.1, 4000)
    water = light * np.array(levels)[:, None] + generator.normal(0, noise, (4, 4000))
    for correlations in (training(land(0))[1], None):
        match = match_band_order(water, BANDS, training(land(0))[0], correlations)
        assert match is not None
        assert not match.is_doubtful


def test_without_a_model_near_infrared_in_a_wrong_place_is_found() -> None:
    scene = land(1)
    right = match_band_order(scene, BANDS)
    assert right is not None
    assert not right.is_doubtful
    wrong = match_band_order(scene[[0, 1, 3, 2]], BANDS)
    assert wrong is not None
    assert wrong.is_wrong
    assert wrong.likely.names[2:] == ("nir", "red")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param(np.ones((4, 5000)), NAMES, id="constant"),
        pytest.param(land(0)[:, :100], NAMES, id="few pixels"),
        pytest.param(land(0)[:1], ("red",), id="one band"),
        pytest.param(land(0), ("swir1", "swir2", "red", "nir"), id="unknown bands, no model"),
    ],
)
def test_nothing_is_said_where_nothing_can_be(
    values: NDArray[np.float64], names: tuple[str, ...]
) -> None:
    assert match_band_order(values, Bands(names)) is None


def test_of_many_bands_an_exchange_of_two_is_found() -> None:
    generator = np.random.default_rng(0)
    names = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir")
    levels = np.array([100, 130, 180, 210, 250, 400, 700])[:, None]
    made = [levels * (1 + 0.2 * generator.normal(size=(7, 3000))) for _ in range(2)]
    quantiles, correlations = training(made[0])
    match = match_band_order(made[1][[0, 6, 2, 3, 4, 5, 1]], Bands(names), quantiles, correlations)
    assert match is not None
    assert match.is_wrong
    assert match.likely.names == ("coastal", "nir", "green", "yellow", "red", "rededge", "blue")


@pytest.mark.parametrize(
    "names", ["blue,green,red,nir", "red,green,blue,nir", "nir,red,green,blue"]
)
def test_usual_orders_are_guessed(names: str) -> None:
    bands = Bands.parse(names)
    scene = land(3)[list(BANDS.positions_of(bands))]
    assert guess_bands(scene) == bands


def test_no_order_is_guessed_where_near_infrared_may_be_one_of_three_bands() -> None:
    assert guess_bands(land(3)[[3, 2, 1]]) is None
    assert guess_bands(land(3)[[0, 1, 2]]) == Bands(("blue", "green", "red"))
