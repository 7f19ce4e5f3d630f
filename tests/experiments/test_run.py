"""One run of an experiment."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.factories.datasets import bright_square, write_dataset
from tests.factories.models import tta_card, write_card
from tests.inference.model_factory import BANDS, write_model

from landslip.core.choices import EngineName, Precision, Split, Tta
from landslip.datasets.splits.assignment import SplitPlan
from landslip.experiments.results import RunKey
from landslip.experiments.run import execute_run
from landslip.experiments.run_folder import Predictions, RunJob, read_run_record
from landslip.models.engines.choose import open_engine


def test_test_time_augmentation_is_of_validation_and_test_tiles_alike(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    made = [bright_square(f"t{at}", generator) for at in range(6)]
    tiles = write_dataset(tmp_path / "tiles", made, bands=BANDS, plan=SplitPlan())
    splits = (Split.TEST, Split.TEST, Split.VALIDATION, Split.VALIDATION, Split.TRAIN, Split.TRAIN)
    (tmp_path / "model").mkdir()
    model = write_model(tmp_path / "model")
    chosen = tta_card(Tta.FLIPS, 0.31)
    model = write_card(model.path, model.card, tta=(chosen,))
    job = RunJob(
        key=RunKey(dataset="a", split="random", method="net", target="b"),
        dataset=tiles.path,
        splits=splits,
        split_method="stated",
        start=model.path,
        engine=EngineName.OPENVINO,
        precision=Precision.FP32,
        tta=Tta.FLIPS,
        out=tmp_path / "run",
        made_from={},
    )
    execute_run(job)
    record, stored = read_run_record(job.out), Predictions(job.out)
    assert (record.threshold, record.tta) == (0.31, "flips")
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32)

    def mean(at: int) -> NDArray[np.float32]:
        known = model.card.normalisation_of(tiles.card.radiometry)
        image = known.apply(tiles.tile(at).stored, tiles.tile(at).valid)[np.newaxis]
        axes = ((1, 1), (1, -1), (-1, 1), (-1, -1))
        views = [engine.predict(image[:, :, ::up, ::left].copy())[0] for up, left in axes]
        turned = [view[::up, ::left] for view, (up, left) in zip(views, axes, strict=True)]
        return np.asarray(np.mean(turned, axis=0))

    for at in (0, 1):
        np.testing.assert_allclose(stored.probability(f"t{at}"), mean(at), atol=2e-5)
    expected = [int((mean(at) >= 0.31).sum()) for at in (2, 3)]
    assert [one.tp + one.fp for one in record.validation] == expected
