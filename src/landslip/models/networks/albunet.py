"""AlbuNet: a residual encoder with the decoder of a U-Net.

Shvets et al. (2018), doi 10.48550/arXiv.1804.08024: a ResNet-34 whose stem pools 2 x 2, one more
pool, and six upsampling steps. The decoder has no normalisation, skips are concatenated, and height
and width are multiples of 64. Choices made here:

- The authors' code has two decoder blocks. This is the one with a transposed convolution (4,
  stride 2, padding 1); the other, which their training script uses, upsamples bilinearly and then
  convolves twice, at over three times the cost.
- The decoder's own widths are those of ResNet-34's, from 32 filters up, whatever the encoder; the
  skips are as wide as the encoder's levels: 64, 128, 256, 512 for ResNet-18 and -34.
- The stem's pool is replaced in every encoder that has one; other backbones stay as they are.
- The decoder is initialised with Kaiming-normal weights. Theirs has torch's default ones and is
  trained with Adam; under SGD so many layers without normalisation then pass no signal, and the
  output stays constant.
- The network returns logits; loss and engines apply the sigmoid.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def conv_relu(channels_in: int, channels_out: int) -> nn.Sequential:
    """Return conv(in, out, 3) -> ReLU."""
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, 1, 1), nn.ReLU(inplace=True))


class UpBlock(nn.Sequential):
    """conv(in, middle, 3) -> ReLU -> transposed conv(middle, out, 4, 2, 1) -> ReLU: doubles."""

    def __init__(self, channels_in: int, middle: int, channels_out: int) -> None:
        super().__init__(
            *conv_relu(channels_in, middle),
            nn.ConvTranspose2d(middle, channels_out, 4, 2, 1),
            nn.ReLU(inplace=True),
        )


class AlbuNet(nn.Module):
    """An encoder's pyramid, a centre below it, and a decoder with concatenated skips."""

    def __init__(self, encoder: nn.Module, channels: Sequence[int]) -> None:
        """Join an encoder that returns levels of ``channels`` at strides 4, 8, 16 and 32."""
        super().__init__()
        first, second, third, fourth = channels
        if hasattr(encoder, "maxpool"):
            encoder.maxpool = nn.MaxPool2d(2, 2)
        self.encoder = encoder
        self.pool = nn.MaxPool2d(2, 2)
        self.centre = UpBlock(fourth, 512, 256)
        self.stage5 = UpBlock(fourth + 256, 512, 256)
        self.stage4 = UpBlock(third + 256, 512, 256)
        self.stage3 = UpBlock(second + 256, 256, 64)
        self.stage2 = UpBlock(first + 64, 128, 128)
        self.stage1 = UpBlock(128, 128, 32)
        self.head = nn.Sequential(*conv_relu(32, 32), nn.Conv2d(32, 1, 1))
        for name, layer in self.named_modules():
            if name.startswith("encoder.") or not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                continue
            fan_in = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[-1]
            if isinstance(layer, nn.ConvTranspose2d):
                fan_in //= layer.stride[0] * layer.stride[-1]  # kernel values per output pixel
            nn.init.normal_(layer.weight, std=(2.0 / fan_in) ** 0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, 1, height, width) for images (n, bands, height, width).

        Height and width are multiples of 64.
        """
        level1, level2, level3, level4 = self.encoder(image)
        decoded = self.centre(self.pool(level4))
        decoded = self.stage5(torch.cat([decoded, level4], dim=1))
        decoded = self.stage4(torch.cat([decoded, level3], dim=1))
        decoded = self.stage3(torch.cat([decoded, level2], dim=1))
        decoded = self.stage2(torch.cat([decoded, level1], dim=1))
        logits: Tensor = self.head(self.stage1(decoded))
        return logits
