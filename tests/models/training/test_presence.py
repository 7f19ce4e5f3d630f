import math

import pytest
import torch

from landslip.core.choices import Arch
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.training.presence import PresenceHead


@pytest.mark.parametrize("arch", [Arch.LINKNET, Arch.IMPROVED_UNET, Arch.UNET], ids=str)
def test_presence_is_read_from_the_encoder_and_trains_it(arch: Arch) -> None:
    network = build_network(Architecture(arch=arch, encoder="test_resnet"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    head = PresenceHead(network)
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert network.training
    label = torch.zeros(4, 64, 64, dtype=torch.uint8)
    counted = torch.ones(4, 64, 64, dtype=torch.bool)
    label[0, 3, 5] = label[1, 3, 5] = 1
    counted[1, 3, 5] = False  # the only landslide of the second image does not count
    torch.nn.init.constant_(head.linear.bias, 2.0)
    with head.reading(network):
        network(torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    loss = head.loss(label, counted)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-2)) + 3 * math.log1p(math.exp(2)))
    torch.autograd.backward(loss)
    assert head.linear.weight.grad is not None
    assert head.linear.weight.grad.abs().sum() > 0
