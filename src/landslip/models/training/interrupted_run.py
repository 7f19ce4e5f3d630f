"""``run.json``: the inputs of a training run, by which an interrupted one is continued."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landslip.core.choices import SingleModel, TrainingStrategy
from landslip.core.errors import InputError, OutputExistsError, argument
from landslip.core.records import StrictModel
from landslip.core.text import RecordKind
from landslip.models.training.recipe import TrainConfig

RUN_FILE = "run.json"
_FREE = {"workers"}  # how tiles are read, not what is learnt


class TrainingRunRecord(StrictModel):
    """What a run was started with.

    Settings, tiles and the model to start from (by the digest of its weights) determine the
    result and stay as they are; the number of devices and of reading processes may change.
    """

    config: TrainConfig
    pixels_sha256: str
    split_sha256: str
    start_sha256: str | None = None
    start: str | None = None
    encoder_weights_sha256: str | None = None
    folds: int = 1
    single: SingleModel = SingleModel.REFIT
    devices: int = 1
    nodes: int = 1
    strategy: TrainingStrategy = TrainingStrategy.AUTO

    def check(self, other: "TrainingRunRecord", folder: Path) -> None:
        """Refuse to continue this run with other inputs.

        Raises:
            InputError: they differ; the message names what, and both values.
        """
        changed = _differences(self.config, other.config, set(TrainConfig.model_fields))
        digests = self.encoder_weights_sha256, other.encoder_weights_sha256
        if None not in digests:
            changed.pop("encoder_weights", None)
            if digests[0] != digests[1]:
                changed["encoder_weights"] = "content of the file of encoder_weights"
        parts = [*changed.values()]
        if self.folds != other.folds:
            parts.append(f"number of folds ({self.folds}, now {other.folds})")
        if self.single != other.single:
            parts.append(f"way to one model ({self.single}, now {other.single})")
        if self.start_sha256 != other.start_sha256:
            parts.append("model to start from")
        for name, what in (("pixels_sha256", "dataset"), ("split_sha256", "split of the dataset")):
            before, now = getattr(self, name), getattr(other, name)
            if before != now:
                parts.append(f"{what} (digest {before[:12]}, now {now[:12]})")
        if parts:
            raise InputError(
                f"{folder}: the interrupted run had another {', '.join(parts)}; resume with the "
                f"same dataset and settings, or discard it with {argument('overwrite', True)}"
            )

    def resumed_config(self, stated: Mapping[str, Any], folder: Path) -> TrainConfig:
        """Return the run's settings; those that are stated again must be the same.

        Raises:
            InputError: a stated one differs; the message names each, with both values.
        """
        config = TrainConfig.model_validate(self.config.model_dump() | dict(stated))
        changed = _differences(self.config, config, set(stated))
        if changed:
            raise InputError(
                f"{folder}: the interrupted run had another {', '.join(changed.values())}; leave "
                "them out to continue it as it began, or discard it with "
                f"{argument('overwrite', True)} in place of {argument('resume', True)}"
            )
        return config


def _differences(before: TrainConfig, now: TrainConfig, names: set[str]) -> dict[str, str]:
    old, new = before.model_dump(mode="json"), now.model_dump(mode="json")
    return {
        name: f"{name} ({old[name]}, now {new[name]})"
        for name in old
        if name in names - _FREE and old[name] != new[name]
    }


def run_folder(out: Path) -> Path:
    """Return the folder of checkpoints and logs of the run that writes the model ``out``."""
    return out.with_name(f"{out.name}.training")


def read_run(out: Path) -> TrainingRunRecord:
    """Read the inputs of the interrupted run of a model folder.

    Raises:
        OutputExistsError: the run has ended.
        InputError: there is no interrupted run, or its record is damaged.
    """
    folder = run_folder(out)
    file = folder / RUN_FILE
    if not file.is_file():
        if out.exists():
            raise OutputExistsError(
                f"{out}: exists, and no interrupted run is beside it: training has ended; leave "
                f"{argument('resume', True)} out, and choose another {argument('out')} or pass "
                f"{argument('overwrite', True)} to train again"
            )
        raise InputError(
            f"{folder}: there is no interrupted run to continue; check {argument('out')}, or leave "
            f"{argument('resume', True)} out to start one"
        )
    return RecordKind(
        model=TrainingRunRecord,
        name="the record of a training run by this version",
        remedy=f"discard the run with {argument('overwrite', True)}",
    ).read(file)
