"""States of a series whose scenes are mapped on the way."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.inference.model_factory import ground, write_model
from tests.multitemporal.factories import write_series

import landslip
from landslip.api.models import TrainedModel
from landslip.core.choices import Units
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import sha256_of
from landslip.models.folder import CARD, ModelFolder

SCALE = 0.0001
DAYS = (date(2007, 8, 1), date(2009, 8, 1))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Give a model of reflectance that is not calibrated."""
    folder = tmp_path_factory.mktemp("states") / "MODEL"
    folder.mkdir()
    written = write_model(folder)
    known = written.card.input
    reflectance = known.model_copy(
        update={
            "units": Units.REFLECTANCE,
            "scale": SCALE,
            "mean": tuple(SCALE * value for value in known.mean),
            "std": tuple(SCALE * value for value in known.std),
            "quantiles": tuple(tuple(SCALE * value for value in band) for band in known.quantiles),
        }
    )
    card = written.card.model_copy(update={"input": reflectance})
    (folder / CARD).write_text(card.model_dump_json())
    return ModelFolder(folder, card)


@pytest.fixture
def series(model: ModelFolder, tmp_path: Path) -> Path:
    """Give two dates of ground that the model knows."""
    known = model.card.input
    scaled = known.model_copy(
        update={
            "mean": tuple(value / SCALE for value in known.mean),
            "std": tuple(value / SCALE for value in known.std),
        }
    )
    scenes = {day: SCALE * ground(scaled, (64, 64), day.year) for day in DAYS}
    return write_series(tmp_path / "SERIES", scenes, bands=known.bands)


def test_an_uncalibrated_model_is_refused_before_scenes_are_mapped(
    model: ModelFolder, series: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"MODEL: .* the model is not calibrated; .* by prior$"):
        landslip.states(series, model=model.path, out=tmp_path / "OUT")
    assert not (tmp_path / "OUT").exists()


def test_maps_of_the_same_model_are_kept_and_others_replaced_only_with_overwrite(
    model: ModelFolder, series: Path, tmp_path: Path
) -> None:
    out = tmp_path / "OUT"
    maps = [out / "maps" / str(day) / "probability.tif" for day in DAYS]

    def found(place: Path, *, overwrite: bool = False) -> list[tuple[int, str]]:
        landslip.states(series, model=place, prior=0.1, out=out, overwrite=overwrite)
        return [(one.stat().st_ino, sha256_of(one)) for one in maps]

    first = found(model.path)
    assert found(model.path, overwrite=True) == first
    other = tmp_path / "OTHER"
    other.mkdir()
    for file in model.path.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    card = model.card.model_copy(update={"threshold": 0.9})
    (other / CARD).write_text(card.model_dump_json())
    with pytest.raises(OutputExistsError, match="already exists"):
        found(other)
    for file in out.glob("*.*"):
        file.unlink()  # as a run that was stopped after its maps leaves it
    with pytest.raises(OutputExistsError, match=f"maps/{DAYS[0]}: already exists"):
        found(other)
    second = found(other, overwrite=True)
    assert all(a[0] != b[0] for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("drop_sources", "first"), [(0.3, [(DAYS[0], None)]), (0.0, [])])
def test_the_image_before_of_a_model_is_that_of_the_first_date(
    model: ModelFolder,
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    drop_sources: float,
    first: list[tuple[date, date | None]],
) -> None:
    given: list[tuple[date, date | None]] = []

    def extracted(scenes: list[Path], *_: object, **options: Any) -> Iterator[tuple[Path, None]]:
        for scene in scenes:
            before: Path | None = options["before"]
            earlier = None if before is None else date.fromisoformat(before.stem)
            given.append((date.fromisoformat(scene.stem), earlier))
            yield options["out"], None

    monkeypatch.setattr("landslip.api.extraction.extract_all", extracted)
    bands = (*model.card.input.bands[:-1], "before_red")
    known = model.card.input.model_copy(update={"bands": bands})
    training = model.card.training.model_copy(update={"config": {"drop_sources": drop_sources}})
    card = model.card.model_copy(update={"input": known, "training": training})
    trained = TrainedModel(ModelFolder(model.path, card))
    with pytest.raises(InputError, match="not the folder of a finished extraction"):
        landslip.states(series, model=trained, prior=0.1, out=tmp_path / "OUT")
    assert given == [*first, (DAYS[1], DAYS[0])]
