"""Batch normalisation over the batch that several processes share.

Each process sees a part of a batch. With the statistics of its part alone, a network would be
trained by another rule on two devices than on one. torch has such a normalisation for GPUs, as a
module that takes the place of its own kind; this one works on CPUs too, and for modules of other
libraries, since it stands in for the function that all of them call.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from landslip.models.training.process import Process


class SharedBatchNorm(TorchFunctionMode):
    """While it is entered, batch normalisation in training looks at all processes' images."""

    def __init__(self, process: Process) -> None:
        """Share statistics with the other processes."""
        super().__init__()
        self._process = process

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Stand in for ``functional.batch_norm``; all else is as it was."""
        if func is functional.batch_norm:
            return self._normalised(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _normalised(  # noqa: PLR0913, PLR0917 - the arguments of functional.batch_norm
        self,
        input: Tensor,  # noqa: A002
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return functional.batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        mean, variance, count = shared_moments(input, self._process)
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (count / (count - 1.0).clamp(min=1.0)), momentum)
        scale = torch.ones_like(mean) if weight is None else weight
        shift = torch.zeros_like(mean) if bias is None else bias
        normalised: Tensor = _Normalise.apply(
            input, scale, shift, (mean, variance, count, eps), self._process
        )
        return normalised


def shared_moments(values: Tensor, process: Process) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and variance (bands,) over all processes, float32, and how many values each has.

    Each process's own mean and variance are joined, which is exact where a mean is far from 0.
    """
    axes = [axis for axis in range(values.ndim) if axis != 1]
    variance, mean = torch.var_mean(values.detach().float(), dim=axes, correction=0)
    own = torch.full_like(mean, values.numel() / values.shape[1])
    count, total = process.total(torch.stack([own, own * mean]))
    joined = total / count
    spread = process.total(own * (variance + (mean - joined).square()))
    return joined, spread / count, count


class _Normalise(torch.autograd.Function):
    """The gradients of mean and variance reach the values of every process."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        weight: Tensor,
        bias: Tensor,
        moments: tuple[Tensor, Tensor, Tensor, float],
        process: Process,
    ) -> Tensor:
        mean, variance, count, eps = moments
        ctx.save_for_backward(values, weight, mean, variance, count)
        ctx.eps, ctx.process = eps, process
        return torch.batch_norm(values, weight, bias, mean, variance, False, 0.0, eps, False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, weight, mean, variance, count = ctx.saved_tensors
        inverse = (variance + ctx.eps).rsqrt()
        direct, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], values, weight, mean, variance, None, None, False, ctx.eps, [True] * 3
        )
        sums = ctx.process.total(torch.stack([of_weight, of_bias])) / count
        slope = -weight * inverse.square() * sums[0]
        level = -weight * inverse * sums[1] - slope * mean
        shape = [1, -1] + [1] * (values.ndim - 2)
        spread = torch.addcmul(level.view(shape), values.float(), slope.view(shape))
        return (direct + spread).to(values.dtype), of_weight, of_bias, None, None
