"""Orders of training tiles, which depend on seed, epoch and the losses of earlier epochs alone."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from landslip.models.training.distributed import TrainingProcess

_ORDER_STREAM = 2
_BACKGROUND_STREAM = 5
_LEAST_WEIGHT = 0.1


class HardBackground:
    """Draws background tiles, more often those on which the network was wrong when last seen.

    A tile's weight is its mean cross-entropy in the last epoch that drew it, and at least a tenth
    of the mean weight; tiles not yet seen have the largest weight. It changes between epochs only.
    """

    def __init__(self, positions: Sequence[int], share: float, seed: int) -> None:
        """Draw from ``positions``; ``share`` of an epoch's tiles are such draws."""
        self.positions, self.share = tuple(positions), share
        self._seed = seed
        self._last: dict[int, float] = {}
        self._sums = torch.zeros(2, int(max(positions)) + 1, dtype=torch.float64)

    def draw(self, epoch: int, count: int) -> list[int]:
        """Return positions drawn with replacement; the same for the same epoch and weights."""
        generator = np.random.default_rng((self._seed, _BACKGROUND_STREAM, epoch))
        largest = max(self._last.values(), default=1.0)
        weights = np.array([self._last.get(at, largest) for at in self.positions])
        weights = np.maximum(weights, _LEAST_WEIGHT * weights.mean())
        chances = weights / weights.sum() if weights.sum() > 0 else None
        drawn: list[int] = generator.choice(self.positions, size=count, p=chances).tolist()
        return drawn

    def record(self, positions: Tensor, losses: Tensor) -> None:
        """Add the losses of a batch's tiles; those of other tiles than background are ignored."""
        values = torch.stack([losses.detach().cpu().double(), torch.ones(len(losses)).double()])
        known = positions.cpu() < self._sums.shape[1]
        self._sums.index_add_(1, positions.cpu()[known], values[:, known])

    def end_epoch(self, process: TrainingProcess, device: torch.device) -> None:
        """Weigh the tiles by the epoch's losses, of all processes."""
        total, times = process.all_reduce(self._sums.to(device)).cpu()
        for position in self.positions:
            if times[position] > 0:
                self._last[position] = float(total[position] / times[position])
        self._sums.zero_()

    def state(self) -> dict[int, float]:
        """Return the last loss of each tile that was seen, by position."""
        return dict(self._last)

    def load_state(self, state: Mapping[int, float]) -> None:
        """Continue from what `state` returned."""
        self._last = dict(state)


class EpochSampler(Sampler[Any]):
    """Yields (round, position), or (version, position), in an order drawn from the seed.

    A round is all tiles, or all versions of all tiles, once. An epoch is a round, or ``length``
    items, continuing where the previous epoch stopped, round after round.
    """

    def __init__(
        self,
        positions: list[int],
        seed: int,
        *,
        versions: int | None = None,
        length: int | None = None,
        background: HardBackground | None = None,
    ) -> None:
        """Shuffle ``positions``, or ``versions`` of each, in every round.

        With ``background`` its share of an epoch's items, evenly spread, are its draws.
        """
        self._positions, self._seed, self._versions = positions, seed, versions
        self._items = len(positions) * (versions or 1)
        self._length = length or self._items
        self._background = background
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self._background is None:
            yield from self._rounds(self._length)
            return
        share = self._background.share
        drawn = self._background.draw(self._epoch, int(self._length * share))
        shuffled = self._rounds(self._length - len(drawn))
        for item in range(self._length):
            is_drawn = int((item + 1) * share) > int(item * share)
            yield (self._epoch, drawn.pop()) if is_drawn else next(shuffled)

    def _rounds(self, length: int) -> Iterator[tuple[int, int]]:
        """Yield the shuffled items of this epoch, of which each has ``length``."""
        first = self._epoch * length
        end = first + length
        for round_ in range(first // self._items, -(-end // self._items)):
            generator = np.random.default_rng((self._seed, _ORDER_STREAM, round_))
            order = generator.permutation(self._items)
            start = round_ * self._items
            for item in order[max(first - start, 0) : end - start]:
                version, index = divmod(int(item), len(self._positions))
                yield round_ if self._versions is None else version, self._positions[index]

    def __len__(self) -> int:
        return self._length


class DistributedSampler(Sampler[Any]):
    """One process's part of each batch of a sampler, in order.

    torch's sampler of this name deals items round-robin over the epoch, so that batches would
    differ from those of a single process.
    """

    def __init__(self, sampler: EpochSampler, size: int, process: TrainingProcess) -> None:
        """Take ``size`` items of each batch of ``size`` times the number of processes."""
        self._sampler, self._size, self._process = sampler, size, process
        self._batches = len(sampler) // (size * process.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        # an incomplete batch would give processes different numbers of steps
        items = self._batches * self._size * self._process.world_size
        for index, key in enumerate(islice(self._sampler, items)):
            if index // self._size % self._process.world_size == self._process.rank:
                yield key

    def __len__(self) -> int:
        return self._batches * self._size
