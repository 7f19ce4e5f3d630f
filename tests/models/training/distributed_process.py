"""One of two processes that share a batch; called with a folder and a rank, writes RANK.pt."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, distributed, nn

from landslip.models.training.distributed import SyncBatchNorm, TrainingProcess
from landslip.models.training.loss import segmentation_loss
from landslip.models.training.module import DistributedThresholdCurve, step_seed

OVER: tuple[Literal["image"], Literal["batch"]] = ("image", "batch")


def normalised(images: Tensor, mine: slice, process: TrainingProcess) -> dict[str, Tensor]:
    norm = nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5]))
    part = images[mine].clone().requires_grad_()
    with SyncBatchNorm(process):
        out = norm(part)
        activated = BatchNormAct2d(3)(part.detach())
    torch.autograd.backward(process.differentiable_sum(out.sin().sum()))
    assert part.grad is not None
    assert norm.weight.grad is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return {
        "out": out.detach(),
        "activated": activated.detach(),
        "gradient": part.grad,
        "weight_gradient": norm.weight.grad,
        "running_mean": norm.running_mean,
        "running_var": norm.running_var,
    }


def losses(given: dict[str, Tensor], mine: slice, process: TrainingProcess) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for over in OVER:
        logits = given["logits"][mine].clone().requires_grad_()
        label, counted = given["label"][mine], given["counted"][mine]
        loss = segmentation_loss(logits, label, counted, dice_over=over, process=process)
        torch.autograd.backward(loss)
        assert logits.grad is not None
        found |= {f"{over}_loss": loss.detach(), f"{over}_gradient": logits.grad}
    return found


def counts(process: TrainingProcess) -> Tensor:
    """Each process has pixels of its own: tp, fp, fn and tn are 3, 2, 1, 0 and 5, 0, 1, 4."""
    numbers = [(3, 2, 1, 0), (5, 0, 1, 4)][process.rank]
    found = np.repeat(np.array([0.9, 0.9, 0.1, 0.1], dtype=np.float32), numbers)
    landslide = np.repeat([True, False, True, False], numbers)
    curve = DistributedThresholdCurve()
    curve.add(found, landslide, np.ones(len(found), dtype=np.bool_))
    curve.synchronise(process, torch.device("cpu"))
    joined = curve.counts(0.5)
    return torch.tensor([joined.tp, joined.fp, joined.fn, joined.tn])


def run(folder: Path, rank: int) -> None:
    """Take part as one of the two, and write what was found."""
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meeting'}",
        timeout=timedelta(seconds=120),
        rank=rank,
        world_size=2,
    )
    process = TrainingProcess(rank=rank, world_size=2)
    generator = torch.Generator().manual_seed(0)
    given = {
        # means far from 0, and other ones in the second part
        "images": torch.rand((4, 3, 8, 6), generator=generator)
        + torch.arange(4.0)[:, None, None, None],
        "logits": torch.randn((4, 8, 6), generator=generator),
        "label": torch.randint(2, (4, 8, 6), generator=generator, dtype=torch.uint8),
        "counted": torch.rand((4, 8, 6), generator=generator) < 0.8,
    }
    mine = slice(2 * rank, 2 * rank + 2)
    found = given | normalised(given["images"], mine, process) | losses(given, mine, process)
    found |= {"counts": counts(process), "seed": torch.tensor(step_seed((0, 1), process))}
    torch.save(found, folder / f"{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
