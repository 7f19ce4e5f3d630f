"""The improved U-Net: a U-Net of residual units, as far as its abstract tells.

Liu et al. (2020), doi 10.3390/rs12050894. Their abstract states: residual learning units in the
down- and the up-sampling path of a U-Net, since the plain one is too shallow for six channels;
these are red, green and blue, and of a surface model the height, slope and aspect; in Jiuzhaigou
county an accuracy of 91.3 %, 13.8 % above the plain U-Net. Only abstract and introduction were at
hand for this module, not the section on the network: layer widths, normalisation, the form of the
unit, loss and training are not checked against it.
Here it takes the scene's bands. Choices made here:

- Five levels of 32, 64, 128, 256 and 512 channels: 25 GFLOP for a tile of 256 px with four bands,
  under twice a LinkNet with ResNet-50.
- A unit is conv 3 x 3 -> batch norm -> ReLU -> conv 3 x 3 -> batch norm, added to its input, then
  ReLU, as in He et al. (2015); where the width changes, the input goes through conv 1 x 1 and
  batch norm.
- As in the original U-Net, 2 x 2 max-pools down, transposed conv(2, stride 2) up, concatenated
  skips. Convolutions keep the size.
- Nothing is pretrained; torch's default initialisation.
- The network returns logits; loss and engines apply the sigmoid.
"""

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256, 512)


class ResidualUnit(nn.Module):
    """Two normalised 3 x 3 convolutions whose result is added to their input (or its 1 x 1 one)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, feature: Tensor) -> Tensor:
        """Return a feature of the same height and width."""
        return torch.relu(self.body(feature) + self.shortcut(feature))


class ResidualUNet(nn.Module):
    """Residual units down and up, with concatenated skips."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        down = zip((bands, *WIDTHS), WIDTHS, strict=False)
        up = list(zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True))
        self.down = nn.ModuleList(ResidualUnit(before, after) for before, after in down)
        self.pool = nn.MaxPool2d(2, 2)
        self.grow = nn.ModuleList(nn.ConvTranspose2d(wide, thin, 2, 2) for wide, thin in up)
        self.up = nn.ModuleList(ResidualUnit(2 * thin, thin) for _, thin in up)
        self.head = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, 1, height, width) for images (n, bands, height, width).

        Height and width are multiples of 16.
        """
        levels = [self.down[0](image)]
        for unit in self.down[1:]:
            levels.append(unit(self.pool(levels[-1])))
        decoded = levels.pop()
        for grow, unit, skip in zip(self.grow, self.up, reversed(levels), strict=True):
            decoded = unit(torch.cat([skip, grow(decoded)], dim=1))
        logits: Tensor = self.head(decoded)
        return logits
