from collections import Counter

import pytest
import torch

from landslip.models.training.distributed import SINGLE_PROCESS
from landslip.models.training.sampling import EpochSampler, HardBackground

CPU = torch.device("cpu")


def seen(background: HardBackground, losses: dict[int, float]) -> None:
    background.record(torch.tensor(list(losses)), torch.tensor(list(losses.values())))
    background.end_epoch(SINGLE_PROCESS, CPU)


def test_a_share_of_an_epoch_is_background_and_the_rest_all_others_in_turn() -> None:
    background = HardBackground([10, 11], 0.25, seed=0)
    sampler = EpochSampler(list(range(6)), 0, length=8, background=background)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        positions = [position for _, position in sampler]
        assert [position >= 10 for position in positions] == [False, False, False, True] * 2
    every: list[int] = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        every += [position for _, position in sampler if position < 10]
    assert Counter(every) == dict.fromkeys(range(6), 3)


@pytest.mark.parametrize("share", [0.1, 0.3, 1 / 3, 0.7])
def test_all_draws_are_used_and_an_epoch_has_its_length(share: float) -> None:
    background = HardBackground([10, 11], share, seed=0)
    sampler = EpochSampler(list(range(6)), 0, length=91, background=background)
    positions = [position for _, position in sampler]
    assert len(positions) == len(sampler) == 91
    assert sum(position >= 10 for position in positions) == int(91 * share)


def test_background_is_drawn_by_its_last_loss_and_never_forgotten() -> None:
    background = HardBackground([10, 11, 12], 0.5, seed=0)
    assert max(Counter(background.draw(0, 3000)).values()) < 1100
    seen(background, {10: 3.0, 11: 1.0, 12: 0.0, 4: 9.0})
    counted = Counter(background.draw(1, 4000))
    # weights 3, 1 and a tenth of the mean of 4 / 3
    assert [counted[at] / 4000 for at in (10, 11, 12)] == pytest.approx(
        [3 / 4.133, 1 / 4.133, 0.133 / 4.133], abs=0.03
    )
    seen(background, {10: 1.0})
    assert background.state() == {10: 1.0, 11: 1.0, 12: 0.0}


def test_losses_count_from_the_end_of_the_epoch_and_are_averaged() -> None:
    background = HardBackground([1, 2], 0.5, seed=0)
    background.record(torch.tensor([1, 1, 2]), torch.tensor([1.0, 3.0, 5.0]))
    assert background.state() == {}
    background.end_epoch(SINGLE_PROCESS, CPU)
    assert background.state() == {1: 2.0, 2: 5.0}


def test_a_restored_state_draws_the_same() -> None:
    first, second = (HardBackground([3, 4, 5], 0.5, seed=1) for _ in range(2))
    seen(first, {3: 0.2, 5: 4.0})
    assert second.draw(2, 50) != first.draw(2, 50)
    second.load_state(first.state())
    assert second.draw(2, 50) == first.draw(2, 50)
