"""Probabilities on disk: in steps, and never on the other side of a threshold that matters."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.experiments.predictions import Predictions, PredictionsWriter, quantised


@given(st.floats(0, 1, width=32))
def test_one_half_divides_as_before(probability: float) -> None:
    stored = quantised(np.array([probability], dtype=np.float32))[0]
    assert (stored / 65536 >= 0.5) == (probability >= 0.5)


def test_tiles_of_several_sizes_come_back_within_a_step(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    tiles = {
        "one": generator.random((5, 7), dtype=np.float32),
        "ends": np.array([[0.0, 1.0]], dtype=np.float32),
    }
    writer = PredictionsWriter()
    for name, probability in tiles.items():
        writer.add(name, probability)
    writer.write(tmp_path)
    read = Predictions(tmp_path)
    assert list(read) == list(tiles)
    for name, probability in tiles.items():
        lost = probability - read.probability(name)
        assert lost.min() >= 0
        assert lost.max() <= 1 / 65536


@pytest.mark.parametrize("kept", [None, 0, 100, 600])
def test_what_is_missing_or_half_written_is_told(tmp_path: Path, kept: int | None) -> None:
    writer = PredictionsWriter()
    writer.add("one", np.random.default_rng(0).random((20, 20), dtype=np.float32))
    writer.write(tmp_path)
    file = tmp_path / "predictions.npz"
    if kept is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"predictions.npz: missing or damaged; remove the folder"):
        Predictions(tmp_path)
