"""What the model is, as tables."""

from landslip.models.card import CalibrationScoresCard, ModelCard, ProbabilityCalibrationCard
from landslip.reporting.inventory import numbers
from landslip.reporting.inventory.tables import Table
from landslip.reporting.inventory.texts import Texts

_SCORES = ("precision", "recall", "f1", "iou")


def model_table(card: ModelCard, texts: Texts) -> Table:
    """Return the model's architecture, input and training."""
    training, known = card.training, card.input
    units = texts.term(known.units.value)
    tiles = ", ".join(
        f"{_split(name, texts)} {numbers.whole(n)}" for name, n in training.dataset_tiles.items()
    )
    parameters = card.stac.get("mlm:total_parameters")
    started = training.started_from
    resolution = numbers.EMPTY
    if known.resolution_m is not None:
        resolution = f"{numbers.plain(known.resolution_m)}{numbers.THIN}m"
    rows = [
        ("name", card.name),
        ("architecture", card.architecture.title),
        ("encoder", card.architecture.encoder),
        ("parameters", numbers.whole(parameters)),
        ("bands", ", ".join(known.bands)),
        ("units", f"{units}, {known.dtype}"),
        ("resolution", resolution),
        ("tile", f"{known.tile_size}{numbers.THIN}px"),
        ("data", training.dataset_source),
        ("tiles", tiles),
        ("split", ", ".join(map(texts.term, training.split_method.split(", ")))),
        ("digest", training.pixels_sha256[:16]),
        ("epochs", f"{training.epoch} / {training.epochs}"),
        ("device", f"{training.device}, {training.precision}"),
        ("started", numbers.EMPTY if started is None else started.name),
        ("threshold", numbers.plain(card.threshold)),
    ]
    return Table(
        caption=texts("model_caption"),
        columns=(texts("attribute"), texts("value")),
        rows=tuple((texts(f"model_{key}"), value) for key, value in rows),
        words=True,
    )


def score_table(card: ModelCard, texts: Texts) -> Table | None:
    """Return the model's scores on its own data; None without any."""
    if not card.metrics:
        return None
    rows = [(_split(split, texts), *_scores(found)) for split, found in card.metrics.items()]
    return Table(
        caption=texts("scores_caption"),
        columns=(texts("split"), *(texts(f"score_{name}") for name in _SCORES)),
        rows=tuple(rows),
        notes=(texts("scores_note"),),
    )


def _split(name: str, texts: Texts) -> str:
    return texts(f"split_{name}") if texts.has(f"split_{name}") else name


def _scores(found: dict[str, float | None]) -> list[str]:
    return [numbers.fixed(found.get(name), 3) for name in _SCORES]


def calibration_table(card: ProbabilityCalibrationCard, texts: Texts) -> Table:
    """Return how far probabilities were from what they say, before and after."""
    columns = ("calibration_error", "brier", "log_loss")
    rows = [(texts("calibration_before"), *_figures(card.before))]
    if card.after is not None:
        rows.append((texts("calibration_after"), *_figures(card.after)))
    return Table(
        caption=texts("calibration_caption", method=texts.term(card.method)),
        columns=(texts("probabilities"), *(texts(name) for name in columns)),
        rows=tuple(rows),
        notes=(
            texts(
                "calibration_note",
                tiles=numbers.whole(card.tiles),
                pixels=numbers.whole(card.pixels),
                split=_split(card.split, texts),
                data=card.dataset_source,
            ),
        ),
    )


def _figures(found: CalibrationScoresCard) -> list[str]:
    return [
        numbers.rounded(value) for value in (found.calibration_error, found.brier, found.log_loss)
    ]
