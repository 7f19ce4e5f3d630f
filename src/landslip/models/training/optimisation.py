"""Optimisers, learning-rate schedules and the average of weights."""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from landslip.models.training.recipe import TrainConfig


def optimizer_of(modules: Iterable[nn.Module], config: TrainConfig) -> Optimizer:
    """Return the optimiser of a configuration over all parameters of modules.

    AdamW, Loshchilov & Hutter (2019), doi 10.48550/arXiv.1711.05101, with betas 0.9 and 0.999; its
    weight decay leaves out biases and the scales of norms, which have one axis.
    """
    parameters = [parameter for module in modules for parameter in module.parameters()]
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    filters = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [
        {"params": filters, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def rate_factor(config: TrainConfig, steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at each of ``steps`` steps, counted from 0.

    It rises linearly over the warm-up, at most half of all steps, to 1, and then falls along half
    a cosine to 0, or stays.
    """
    warmup = min(round(config.warmup_epochs * steps / config.epochs), steps // 2)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if config.schedule == "constant":
            return 1.0
        done = min(step - warmup, steps - warmup) / max(steps - warmup, 1)
        return 0.5 * (1.0 + math.cos(math.pi * done))

    return factor


def averaged_copy(network: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of a network that averages its weights and buffers exponentially.

    At the n-th update, counted from 1, its decay is ``decay`` or, if less, n / (9 + n).
    """

    def average(
        averaged: Sequence[Tensor], current: Sequence[Tensor], updates: Tensor | int
    ) -> None:
        weight = 1.0 - min(decay, (1.0 + int(updates)) / (10.0 + int(updates)))
        for before, now in zip(averaged, current, strict=True):
            if before.is_floating_point():
                before.lerp_(now, weight)
            else:
                before.copy_(now)

    copy = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
    return copy.requires_grad_(False)
