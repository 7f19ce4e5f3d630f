"""The words of requests are those of the review."""

from typing import get_args

from landslip.review.changes import PLAIN_ACTIONS
from landslip.review.words import PRESENT, Action
from landslip.server.schemas import review, values


def test_words_are_those_of_the_review() -> None:
    assert get_args(values.PresentVerdict) == tuple(PRESENT)
    assert {*get_args(review.ChangeAction)} == {*Action} - {Action.UNDO, Action.REDO}
    assert {*get_args(review.BulkAction)} == {*PLAIN_ACTIONS}
