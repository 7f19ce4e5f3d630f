"""On how many devices a network is trained, and by which of Lightning's strategies; no torch."""

from dataclasses import dataclass
from enum import StrEnum

from landslip.core.errors import InputError


class Strategy(StrEnum):
    """How processes share the work; ``auto`` is ``ddp`` where there are several.

    ``ddp_find_unused_parameters_true`` is for encoders with weights that no output depends on.
    """

    AUTO = "auto"
    DDP = "ddp"
    DDP_UNUSED = "ddp_find_unused_parameters_true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One process for each of ``devices`` on each of ``nodes``; on CPUs devices are processes.

    It is no part of the recipe: a batch is shared by the processes, and means the same on any
    number of them.
    """

    devices: int = 1
    nodes: int = 1
    strategy: Strategy = Strategy.AUTO

    def __post_init__(self) -> None:
        """Check that there is a device.

        Raises:
            InputError: a number is under 1.
        """
        for option, number in (("--devices", self.devices), ("--num-nodes", self.nodes)):
            if number < 1:
                raise InputError(f"{option}: training needs at least 1; got {number}")

    @property
    def processes(self) -> int:
        """How many there are on all nodes together."""
        return self.devices * self.nodes

    def named(self, device: str) -> str:
        """Tell on what a network was trained, e.g. ``2 x cpu``."""
        if self.processes == 1:
            return device
        where = f" on {self.nodes} nodes" if self.nodes > 1 else ""
        return f"{self.processes} x {device}{where}"
