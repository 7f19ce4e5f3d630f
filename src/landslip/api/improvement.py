"""Models that learn from corrections."""

import json
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landslip.api.models import TilesArgument, TrainedModel, as_model, load_model, merged_tiles
from landslip.core.arguments import PathArgument, ProgressArgument, checked, optional_path
from landslip.core.errors import InputError, LandslipWarning, argument
from landslip.core.html import html_table
from landslip.core.progress import progress_bar

if TYPE_CHECKING:
    from landslip.models.training.module import EpochResult
    from landslip.review.improvement_record import ImprovementRecord


class Improvement:
    """What came of a model that learnt from corrections."""

    def __init__(self, record: "ImprovementRecord", path: Path | None) -> None:
        """Take the record, and the model folder if one was written."""
        self.record, self.path = record, path

    @property
    def is_better(self) -> bool:
        """Whether the new model is better on held-out reviewed ground."""
        return self.record.is_better

    @property
    def model(self) -> TrainedModel | None:
        """The new model; None: it was not written."""
        return None if self.path is None else load_model(self.path)

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        return self.record.note.text()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``improvement.json`` says."""
        content: dict[str, Any] = json.loads(self.record.model_dump_json())
        return content

    def __repr__(self) -> str:
        return f"Improvement({self.sentence})"

    def _repr_html_(self) -> str:
        ground, compared = self.record.ground, self.record.comparison
        area = "" if ground.labelled_km2 is None else f", {ground.labelled_km2:.2f} km²"
        return html_table(
            "landslip improvement",
            {
                "result": self.sentence,
                "reviewed ground": f"{ground.tiles} tiles in {ground.blocks} blocks{area}",
                "average precision": f"{compared.before.average_precision.value} before, "
                f"{compared.after.average_precision.value} after",
                "model": "not written" if self.path is None else str(self.path),
            },
        )


@checked()
def improve(
    model: TrainedModel | PathArgument,
    corrections: PathArgument,
    *,
    out: PathArgument,
    tiles: TilesArgument | None = None,
    scene: PathArgument | None = None,
    dem: PathArgument | None = None,
    before: PathArgument | None = None,
    folds: int = 3,
    epochs: int | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    config: PathArgument | Mapping[str, Any] | None = None,
    seed: int = 0,
    keep: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
    on_epoch: "Callable[[EpochResult], None] | None" = None,
    progress: ProgressArgument = None,
) -> Improvement:
    """Fine-tune a model on reviewed ground, and write it if that made it better.

    Ground that was looked at and judged polygons are labelled, all else is not. The model and what
    it becomes are compared on blocks of reviewed ground that were left out in turn; it is called
    better only where the 95 % intervals of the differences of F1 and of average precision are
    above 0. Needs landslip[train].

    Args:
        model: from `load_model`, or its folder.
        corrections: folder that was served, a review in it, or its ``review.gpkg``.
        out: model folder to write.
        tiles: the model's own tiles, of which some are mixed in so that it does not forget what it
            knows: as many training tiles as there are of reviewed ground.
        scene: that was reviewed, where a review does not say it.
        dem: elevation model, for a model with bands of terrain.
        before: image of an earlier date, for a model with bands of one.
        folds: of blocks of ground, each left out in turn.
        epochs: passes over the tiles; default 12, of 10 steps at least.
        learning_rate: highest one; default 0.0003.
        batch_size: tiles in a step; default that of the model's training.
        config: YAML file or dictionary of further settings of training.
        seed: of folds, training and intervals.
        keep: write the model also where it is not better; its description says so.
        resume: go on with an interrupted run; reviews and settings must be as they were.
        overwrite: replace a model, and drop an interrupted run.
        force: only warn of scenes that do not look like the model's training data.
        on_epoch: called after each epoch.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: there is no review, too little was reviewed, or a setting is wrong.
        ModelError: the scenes' bands or units are not the model's.
        OutputExistsError: ``out`` or an interrupted run exists.

    Examples:
        >>> found = landslip.improve("MODEL", "DIR", out="IMPROVED")
        >>> found.is_better
    """
    if find_spec("torch") is None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    from landslip.models.training.module import TrainingCallbacks
    from landslip.models.training.recipe import stated_settings
    from landslip.preprocessing.stack.scene import StackSources
    from landslip.review.corrections import find_reviews, read_corrections
    from landslip.review.improvement import ImproveRequest
    from landslip.review.improvement import improve as run

    opened = as_model(model)
    place = Path(corrections)
    if Path(out).resolve() in {one.resolve() for one in (place, *find_reviews(place))}:
        raise InputError(
            f"{out}: {argument('out')} is a folder of reviews; choose another {argument('out')}"
        )
    found = read_corrections(
        place,
        scene=optional_path(scene),
        sources=StackSources.stated(dem, None, before),
    )
    stated = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
    settings = config if isinstance(config, Mapping) else optional_path(config)
    callbacks = TrainingCallbacks() if on_epoch is None else TrainingCallbacks(on_epoch=on_epoch)
    with (
        nullcontext(None) if tiles is None else merged_tiles(tiles) as own,
        progress_bar("improve", "%", divisor=0.01, show=progress) as shown,
    ):
        done = run(
            ImproveRequest(
                model=opened.folder,
                scenes=found.scenes,
                out=Path(out),
                reviews=found.reviews,
                tiles=own,
                settings=stated_settings(None, settings, stated),
                folds=folds,
                seed=seed,
                keep=keep,
                resume=resume,
                overwrite=overwrite,
                force=force,
                callbacks=callbacks,
                progress=shown,
            )
        )
    if not done.record.is_better:
        warnings.warn(done.record.note.text(), LandslipWarning, stacklevel=3)
    return Improvement(done.record, done.path)
