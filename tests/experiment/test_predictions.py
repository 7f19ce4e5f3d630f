"""Probabilities on disk: in steps, and never on the other side of a threshold that matters."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from landslip.experiment.predictions import Predictions, PredictionsWriter, quantised


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
