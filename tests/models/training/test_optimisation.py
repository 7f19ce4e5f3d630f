import pytest
import torch
from torch import nn

from landslip.models.training.optimisation import averaged_copy, optimizer_of, rate_factor
from landslip.models.training.recipe import TrainConfig


def test_the_rate_rises_over_the_warm_up_and_falls_along_half_a_cosine() -> None:
    factor = rate_factor(TrainConfig(epochs=10, warmup_epochs=2), steps=50)  # 10 steps of warm-up
    assert [factor(step) for step in (0, 4, 9)] == pytest.approx([1 / 11, 5 / 11, 10 / 11])
    assert [factor(step) for step in (10, 30, 50)] == pytest.approx([1.0, 0.5, 0.0])
    constant = rate_factor(TrainConfig(epochs=10, schedule="constant"), steps=50)
    assert {constant(step) for step in range(50)} == {1.0}


def test_a_warm_up_longer_than_the_run_takes_half_of_it() -> None:
    factor = rate_factor(TrainConfig(epochs=1, warmup_epochs=5), steps=8)
    assert factor(3) == pytest.approx(4 / 5)
    assert factor(4) == 1.0


def test_weights_decay_and_biases_and_norms_do_not() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    for parameter in network.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    config = TrainConfig(optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
    optimizer_of([network], config).step()
    found = [parameter.detach().flatten()[0].item() for parameter in network.parameters()]
    assert found == pytest.approx([1 - 0.1 * 0.5, 1.0, 1.0, 1.0])


def test_the_average_forgets_exponentially_and_faster_at_first() -> None:
    network = nn.BatchNorm2d(1)
    average = averaged_copy(network, 0.3)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    expected = None
    for update, value in enumerate((4.0, 8.0, 2.0, 6.0)):
        nn.init.constant_(network.weight, value)
        network.running_mean = torch.full((1,), value)
        average.update_parameters(network)
        decay = min(0.3, (1 + update) / (10 + update))
        expected = value if expected is None else decay * expected + (1 - decay) * value
    copied = average.module
    assert isinstance(copied, nn.BatchNorm2d)
    assert copied.running_mean is not None
    assert float(copied.weight) == pytest.approx(expected)
    assert float(copied.running_mean) == pytest.approx(expected)
