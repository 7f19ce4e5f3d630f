"""Pixels counted by logit."""

import numpy as np

from landslip.models.calibration.counts import BINS, MIDDLES, count_logits, no_logits, summed
from landslip.models.calibration.curve import sigmoid


def test_pixels_are_counted_where_they_are_valid_and_labelled() -> None:
    logits = np.array([[-3.0049, 0.0051, 2.5], [2.5, 2.5, 99.0]])
    landslide = np.array([[False, True, True], [False, True, True]])
    valid = np.array([[True, True, True], [True, False, True]])
    found = count_logits(sigmoid(logits), landslide, valid)
    assert (found.landslides, found.others, found.pixels) == (3, 2, 5)
    at = np.flatnonzero(found.landslide + found.other)
    np.testing.assert_allclose(MIDDLES[at], [-3.005, 0.005, 2.505, 11.995], atol=0.0051)
    assert found.landslide[at].tolist() == [0, 1, 1, 1]
    assert found.other[at].tolist() == [1, 0, 1, 0]


def test_certain_pixels_are_in_the_end_bins() -> None:
    ends = np.array([[0.0, 1.0]], dtype=np.float32)
    found = count_logits(ends, np.array([[False, True]]), np.ones((1, 2), dtype=np.bool_))
    assert (found.other[0], found.landslide[BINS - 1]) == (1, 1)


def test_counts_add_up() -> None:
    one = count_logits(np.array([[0.3]]), np.array([[True]]), np.array([[True]]))
    two = count_logits(np.array([[0.3]]), np.array([[False]]), np.array([[True]]))
    both = summed([one, two, one])
    assert (both.landslides, both.others) == (2, 1)
    assert summed([]).pixels == no_logits().pixels == 0
