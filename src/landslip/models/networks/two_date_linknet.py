"""LinkNet that looks at two dates with one encoder.

At each level of the pyramid the features of the later image and how they differ from the earlier
one, as in the fully convolutional Siamese networks of Daudt et al. (2018,
doi 10.1109/ICIP.2018.8451652), are mixed by a 1 x 1 convolution over [after, after - before]. It
begins as [identity, 0]: the network begins as LinkNet of the later image alone. Where nothing is
known of the earlier one, the later one stands in for it, so that nothing has changed there.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from landslip.core.bands import BEFORE, after_name
from landslip.core.errors import InputError
from landslip.models.networks.linknet import LinkNet

CHANGES = "changes"


class LevelChange(nn.Conv2d):
    """A 1 x 1 convolution of (n, 2 channels, h, w) to half the channels; begins as the first half.

    Shapes are of the features [after, after - before] of one level.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(2 * channels, channels, 1, bias=False)
        with torch.no_grad():
            self.weight.zero_()
            self.weight[:, :channels, 0, 0] = torch.eye(channels)


class TwoDateEncoder(nn.Module):
    """An encoder's pyramid of two images, mixed level by level."""

    def __init__(
        self, encoder: nn.Module, channels: Sequence[int], dates: tuple[list[int], list[int]]
    ) -> None:
        """Share an encoder between the bands of the later and of the earlier image.

        Args:
            encoder: returns levels of ``channels``.
            channels: of its levels.
            dates: positions of their bands, see `bands_by_date`.
        """
        super().__init__()
        self.encoder = encoder
        self._after, self._before = dates
        self._dated = [at for at in self._before if at not in self._after]
        self.changes = nn.ModuleList(LevelChange(count) for count in channels)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the levels of an image (n, bands of both dates, height, width).

        Where all bands of the earlier date are 0 they are missing, and taken from the later one.
        """
        after, before = image[:, self._after], image[:, self._before]
        # missing values are 0 after normalisation, and no others are so in all bands
        missing = (image[:, self._dated] == 0).all(dim=1, keepdim=True)
        both = torch.cat([after, torch.where(missing, after, before)])
        levels = []
        for change, features in zip(self.changes, self.encoder(both), strict=True):
            after, before = features.chunk(2)
            levels.append(change(torch.cat([after, after - before], dim=1)))
        return levels


class TwoDateLinkNet(LinkNet):
    """LinkNet whose encoder looks at two dates: its own decoder and head are LinkNet's."""

    def state_of_one_date(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return this network's state that computes exactly what a LinkNet of ``state`` does."""
        inner = {
            name.replace("encoder.", "encoder.encoder.", 1)
            if name.startswith("encoder.")
            else name: tensor
            for name, tensor in state.items()
        }
        own = {name: tensor for name, tensor in self.state_dict().items() if CHANGES in name}
        return inner | own


def spectral_and_terrain(bands: Sequence[str]) -> tuple[str, ...]:
    """Return the bands of the later image: all that are not of the date before."""
    return tuple(name for name in bands if not name.startswith(BEFORE))


def bands_by_date(bands: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the positions of the later image's bands, and of the earlier one's that match them.

    A band without ``before_`` of its own, such as a slope, is the same on both dates.

    Raises:
        InputError: no band is of the date before, or one of them has no band after.
    """
    after = spectral_and_terrain(bands)
    lost = [name for name in bands if name.startswith(BEFORE) and after_name(name) not in after]
    if lost or len(after) == len(bands):
        problem = f"{lost[0]} has no {after_name(lost[0])} beside it" if lost else "none is"
        raise InputError(
            f"a network of two dates needs bands of the date before, named {BEFORE}red and so on, "
            f"beside the same bands of the date after; of {','.join(bands)} {problem}"
        )
    names = list(bands)
    earlier = [f"{BEFORE}{name}" if f"{BEFORE}{name}" in names else name for name in after]
    return [names.index(name) for name in after], [names.index(name) for name in earlier]
