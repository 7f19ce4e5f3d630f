"""LinkNet with a pretrained encoder, as in table 1 of Li, Li & Ge (2023).

Paper: doi 10.11834/jrs.20211020; LinkNet itself: Chaurasia & Culurciello (2017),
doi 10.1109/VCIP.2017.8305148. Where the table says nothing, these choices are made:

- Every decoder convolution is followed by batch norm and ReLU, as in LinkNet, and therefore has no
  bias. The head has ReLU after its transposed convolution and no batch norm, as in the
  public LinkNet34 with the same head; its two layers have biases. Where all 32 channels are
  negative, that ReLU gives the last convolution nothing but its bias, and passes no gradient
  back: `Head` has alternatives.
- Stage 4 begins with a 1 x 1 convolution like the other stages; the table omits it and the channel
  counts imply it.
- The decoder's transposed convolutions (3, stride 2, padding 1) get an output padding of 1, so that
  they exactly double height and width.
- Decoder and head keep torch's default initialisation. Kaiming-normal weights are 2.4 times as
  large, and under batch norm larger weights learn more slowly.
- The network returns logits; loss and engines apply the table's sigmoid.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from landslip.core.choices import Head
from landslip.models.networks.architecture import WIDTH

LEVEL_STRIDES = (4, 8, 16, 32)
_SLOPE_BELOW_ZERO = 0.1


class DecoderBlock(nn.Sequential):
    """conv(in, in/4, 1) -> transposed conv(in/4, in/4, 3, 2, 1) -> conv(in/4, out, 1).

    Each layer is followed by batch norm and ReLU.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        middle = channels_in // 4
        super().__init__(
            nn.Conv2d(channels_in, middle, 1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(middle, middle, 3, 2, 1, output_padding=1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


def make_head(kind: Head, channels: int = WIDTH) -> nn.Sequential:
    """Return transposed conv(in, in/2, 4, 2, 1) -> activation -> conv(in/2, 1, 3, 1, 1): doubles.

    The table has 64 input channels.
    """
    middle = channels // 2
    activations: dict[Head, list[nn.Module]] = {
        Head.RELU: [nn.ReLU(inplace=True)],
        Head.BATCH_NORM: [nn.BatchNorm2d(middle), nn.ReLU(inplace=True)],
        Head.LEAKY: [nn.LeakyReLU(_SLOPE_BELOW_ZERO, inplace=True)],
        Head.SILU: [nn.SiLU(inplace=True)],
    }
    return nn.Sequential(
        nn.ConvTranspose2d(channels, middle, 4, 2, 1, bias=kind is not Head.BATCH_NORM),
        *activations[kind],
        nn.Conv2d(middle, 1, 3, 1, 1),
    )


class LinkNet(nn.Module):
    """An encoder's pyramid, decoder blocks with additive skips, and a head that doubles twice.

    With the table's four levels the blocks are ``stage4`` to ``stage1``; with three there is no
    ``stage4``, and ``stage3`` gets the encoder's last level.
    """

    stage1: DecoderBlock
    stage2: DecoderBlock
    stage3: DecoderBlock
    stage4: DecoderBlock

    def __init__(
        self,
        encoder: nn.Module,
        channels: Sequence[int],
        *,
        head: Head = Head.RELU,
        width: int = WIDTH,
    ) -> None:
        """Join an encoder that returns levels of ``channels``, at strides 4, 8, 16 and 32.

        Args:
            encoder: returns three levels, without the last stride, or four.
            channels: of its levels.
            head: activation between the head's convolutions.
            width: channels from the last decoder block to the head; the table has 64.
        """
        super().__init__()
        self.encoder = encoder
        self._stages = tuple(range(len(channels), 0, -1))
        into = (width, *channels)
        for stage in self._stages:
            block = DecoderBlock(channels[stage - 1], into[stage - 1])
            self.add_module(f"stage{stage}", block)
        self.head = make_head(head, width)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, 1, height, width) for images (n, bands, height, width).

        Height and width are multiples of 32.
        """
        levels = self.encoder(image)
        decoded = levels[-1]
        for stage in self._stages:
            decoded = self.get_submodule(f"stage{stage}")(decoded)
            if stage > 1:
                decoded = decoded + levels[stage - 2]
        logits: Tensor = self.head(decoded)
        return logits
