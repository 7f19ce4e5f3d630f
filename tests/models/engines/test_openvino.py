"""What OpenVINO says of a scene's own numbers, against the network given normalised ones."""

import threading
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from tests.inference.model_factory import write_model

from landslip.core.choices import Precision
from landslip.models.engines.base import BatchRunner, WindowForm
from landslip.models.engines.openvino import OpenvinoEngine, usual_streams
from landslip.models.folder import Model

SHAPE = (96, 64)
Steps = NDArray[np.uint8]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return write_model(tmp_path_factory.mktemp("model"))


def form_of(model: Model) -> WindowForm:
    normalisation = model.card.normalisation_of(model.card.radiometry)
    return WindowForm(shape=SHAPE, normalisation=normalisation)


def windows_of(model: Model, count: int) -> list[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Return windows of the model's own range, a fifth of them without data."""
    generator, known = np.random.default_rng(0), model.card.input
    mean, std = (np.array(values)[:, None, None] for values in (known.mean, known.std))
    found = []
    for _ in range(count):
        values = generator.normal(mean, std, (len(known.mean), *SHAPE)).clip(0)
        valid = generator.random(SHAPE) < 0.8
        stored = values.astype(np.uint16)
        stored[:, ~valid] = 65_535
        found.append((stored, valid))
    return found


def apart(found: Steps, expected: Steps, valid: NDArray[np.bool_]) -> int:
    return int(np.abs(found.astype(int) - expected.astype(int))[valid].max())


def test_a_window_is_what_the_batch_is(model: Model) -> None:
    engine = OpenvinoEngine(model, Precision.FP32)
    runner, expected = engine.runner(form_of(model)), BatchRunner(engine, form_of(model))
    for stored, valid in windows_of(model, 3):
        steps = runner.run(stored, valid)
        assert steps.shape == SHAPE
        assert steps.dtype == np.uint8
        assert apart(steps, expected.run(stored, valid), valid) <= 1


def test_in_bf16_a_scenes_numbers_keep_their_digits(model: Model) -> None:
    # far from 0 and close together: in bf16 all of them would be one and the same number
    engine = OpenvinoEngine(model, Precision.FP32)
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU does not compute in bf16")
    far = model.card.input.model_copy(update={"mean": (20_000.0,) * 4, "std": (20.0,) * 4})
    moved = Model(model.path, model.card.model_copy(update={"input": far}))
    form = form_of(moved)
    ((stored, valid),) = windows_of(moved, 1)
    coarse = OpenvinoEngine(moved, Precision.BF16).runner(form).run(stored, valid)
    exact = BatchRunner(engine, form).run(stored, valid)
    apart = np.abs(coarse.astype(int) - exact.astype(int))[valid]
    assert exact.std() > 20
    assert apart.mean() < 4


def test_what_is_not_valid_says_nothing_of_its_neighbours(model: Model) -> None:
    runner = OpenvinoEngine(model, Precision.FP32).runner(form_of(model))
    ((stored, valid),) = windows_of(model, 1)
    other = stored.copy()
    other[:, ~valid] = 3
    np.testing.assert_array_equal(runner.run(stored, valid)[valid], runner.run(other, valid)[valid])


def test_two_threads_at_once_get_their_own(model: Model) -> None:
    engine = OpenvinoEngine(model, Precision.FP32)
    runner = engine.runner(form_of(model), streams=2)
    windows = windows_of(model, 6)
    alone = [runner.run(*window) for window in windows]
    found: dict[int, Steps] = {}

    def work(numbers: range) -> None:
        for number in numbers:
            found[number] = runner.run(*windows[number])

    threads = [threading.Thread(target=work, args=(range(at, 6, 2),)) for at in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        np.testing.assert_array_equal(found[number], expected)


def test_results_of_one_window_outlive_the_next(model: Model) -> None:
    runner = OpenvinoEngine(model, Precision.FP32).runner(form_of(model), streams=1)
    first, second = windows_of(model, 2)
    kept = runner.run(*first)
    before = kept.copy()
    runner.run(*second)
    np.testing.assert_array_equal(kept, before)


def test_a_window_cut_out_of_a_larger_array_is_read_as_it_is(model: Model) -> None:
    runner = OpenvinoEngine(model, Precision.FP32).runner(form_of(model), streams=1)
    ((stored, valid),) = windows_of(model, 1)
    larger = np.zeros((4, 200, 200), dtype=np.uint16)
    larger[:, 50 : 50 + SHAPE[0], 70 : 70 + SHAPE[1]] = stored
    view = larger[:, 50 : 50 + SHAPE[0], 70 : 70 + SHAPE[1]]
    np.testing.assert_array_equal(runner.run(view, valid), runner.run(stored, valid))


def test_costs_are_stated_without_running(model: Model) -> None:
    costs = OpenvinoEngine(model, Precision.FP32).costs()
    assert costs.streams >= costs.readers >= 1
    assert costs.resident_bytes > 1.5 * (model.path / "graph.bin").stat().st_size
    assert 16 < costs.computing_bytes_per_px < 2000


@pytest.mark.parametrize(("cores", "streams"), [(1, 1), (2, 2), (8, 2), (16, 4), (64, 16)])
def test_streams_by_cores(cores: int, streams: int) -> None:
    assert usual_streams(cores) == streams
