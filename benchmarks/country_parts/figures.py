"""The measured figures that a simulation starts from, as a JSON file holds them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from landslip.core.errors import InputError

Pair = tuple[PositiveInt, PositiveInt]


class _Figures(BaseModel):
    """A group of figures that were measured together.

    Attributes:
        where: machine, model and scenes.
        provisional: whether they are still to be measured properly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    where: str
    provisional: bool = False


class Speed(_Figures):
    """How fast one machine computes windows, their overlaps and reading counted, not finishing.

    Attributes:
        start_s: from the start of a process until windows are computed at this speed.
    """

    engine: str
    precision: str
    device: Literal["cpu", "gpu"] = "cpu"
    cores: PositiveInt
    streams: PositiveInt
    mpix_per_s: PositiveFloat
    start_s: float = Field(ge=0)

    @property
    def name(self) -> str:
        """Precision, and the device where it is not the CPU."""
        return self.precision if self.device == "cpu" else f"{self.precision}, {self.device}"


class Finishing(_Figures):
    """What the driver does with finished windows.

    Attributes:
        row_s_per_mpix: reading, blending, writing, tracing of rows, on one core.
        end_s_per_mpix: overviews, COGs and polygons once all rows are there, on one core.
        cores_busy: how many cores are at it while two scenes are finished at once.
    """

    row_s_per_mpix: PositiveFloat
    end_s_per_mpix: PositiveFloat
    cores_busy: PositiveFloat


class Bytes(_Figures):
    """What is written for a pixel of a scene, compressed."""

    window_bytes_per_px: PositiveFloat
    result_bytes_per_px: PositiveFloat


class Opening(_Figures):
    """What beginning with a scene takes.

    Attributes:
        driver_s: until its windows can be given out.
        worker_s: when a worker turns to another scene.
        check_s: to see that a scene is finished already, after a restart.
    """

    driver_s: float = Field(ge=0)
    worker_s: float = Field(ge=0)
    check_s: float = Field(ge=0)


class RayRun(_Figures):
    """A run on a cluster that was measured, to check the simulation with.

    Attributes:
        shape: of the scene in pixels.
        node_mpix_per_s: of one node, windows counted whole.
        start_s: until the first worker computes.
    """

    nodes: PositiveInt
    shape: Pair
    window_px: Pair
    node_mpix_per_s: PositiveFloat
    streams: PositiveInt
    start_s: float = Field(ge=0)
    seconds: PositiveFloat


class Figures(BaseModel):
    """All measured figures.

    Attributes:
        window_px: (height, width) of the windows that are planned for a whole scene.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    speeds: tuple[Speed, ...]
    finishing: Finishing
    bytes: Bytes
    opening: Opening
    window_px: Pair
    overlap_px: int = Field(ge=0)
    ray_runs: tuple[RayRun, ...] = ()


def read_figures(path: Path) -> Figures:
    """Read figures.

    Raises:
        InputError: the file is not what it should be.
    """
    try:
        return Figures.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{path}: not a file of measured figures ({error}); --measure makes one"
        ) from error
