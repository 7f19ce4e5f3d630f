"""The page of a published model, a Hugging Face model card, made of its ``model.json``."""

from typing import Any

import yaml

from landslip.core.messages import sentences
from landslip.models.card import ModelCard

_SCORES = ("precision", "recall", "f1", "iou", "average_precision")
_INTENDED = """\
Maps landslides in optical scenes that are like its training data: these bands, in these units, of
about this pixel size, and of similar terrain, season and sensor. Its maps are candidates for a
person to look at: not a hazard assessment, and no basis for decisions on people's safety by
themselves."""
_OF_SCORES = """\
Of pixels, at the threshold {threshold:g} (chosen on: {source}); 95 % intervals in brackets where
they were measured. Scores of a split that chose the threshold are optimistic."""
_OTHER_SCENES = """\
- Where a scene is unlike the training data, landslip warns; how well the model does there is not
  known."""


def model_page(card: ModelCard, repository: str, licence: str | None) -> str:
    """Return the page as Markdown with YAML metadata.

    Args:
        card: the model's description.
        repository: ``owner/name``, for the commands on the page.
        licence: its identifier on the hub, such as ``apache-2.0``; None: not stated.
    """
    metadata = {
        "library_name": "landslip",
        "license": licence or "other",
        "pipeline_tag": "image-segmentation",
        "tags": ["landslide", "landslip", "remote-sensing", "semantic-segmentation", "openvino"],
    }
    sections = {
        "Intended use": _INTENDED,
        "How to use it": _use(repository),
        "Input": _table(_input(card)),
        "Training": _table(_training(card)),
        "Scores": _scores(card),
        "Calibration": _calibration(card),
        "Limits": _limits(card),
        "Files": _table(dict(sorted(card.files.items())), heads=("file", "sha256")),
    }
    network = f"{card.architecture.arch.value} with the encoder {card.architecture.encoder}"
    parts = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=True)}---\n\n# {_cell(card.name)}\n",
        f"{network}, for landslip {card.code_version}. This page is made of `model.json`.\n",
        *(f"## {title}\n\n{text}\n" for title, text in sections.items()),
    ]
    return "\n".join(parts)


def _use(repository: str) -> str:
    return (
        "```\n"
        f"landslip pull {repository} MODEL\n"
        "landslip extract SCENE.tif --model MODEL --out MAP\n"
        "```"
    )


def _input(card: ModelCard) -> dict[str, object]:
    data = card.input
    size = "not known" if data.resolution_m is None else f"{data.resolution_m:g} m"
    return {
        "bands": ", ".join(data.bands),
        "units": data.units.value,
        "stored as": f"{data.dtype}, scale {data.scale:g}, offset {data.offset:g}",
        "pixel size": size,
        "tiles of": f"{data.tile_size} px",
    }


def _training(card: ModelCard) -> dict[str, object]:
    made = card.training
    tiles = ", ".join(f"{count} {split}" for split, count in made.dataset_tiles.items())
    rows: dict[str, object] = {
        "data": made.dataset_source,
        "tiles": tiles,
        "split": made.split_method,
        "epoch": f"{made.epoch} of {made.epochs}",
        "encoder weights": made.config.get("encoder_weights", "not stated"),
        "seed": made.config.get("seed", "not stated"),
        "sha256 of the pixels": made.pixels_sha256,
    }
    if made.started_from is not None:
        rows["started from"] = f"{made.started_from.name}, {made.started_from.weights_sha256}"
    return rows


def _scores(card: ModelCard) -> str:
    rows = []
    for split, scores in card.metrics.items():
        recorded = card.evaluations.get(split)
        intervals = {} if recorded is None else recorded.intervals
        cells = [_score(scores.get(name), intervals.get(name)) for name in _SCORES]
        rows.append(f"| {_cell(split)} | {' | '.join(cells)} |")
    source = "not known" if card.threshold_source is None else card.threshold_source.value
    return "\n".join(
        [
            f"| split | {' | '.join(_SCORES)} |",
            f"|---|{'---|' * len(_SCORES)}",
            *rows,
            "",
            _OF_SCORES.format(threshold=card.threshold, source=source),
        ]
    )


def _score(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "undefined"
    return (
        f"{value:.3f}"
        if interval is None
        else f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
    )


def _calibration(card: ModelCard) -> str:
    fit = card.calibration
    if fit is None:
        return "The probabilities are the network's own: they are not calibrated."
    before, after = fit.before, fit.after or fit.before
    return (
        f"Calibrated by {fit.method} on {fit.tiles} {fit.split} tiles "
        f"({_cell(fit.dataset_source)}). Expected calibration error "
        f"{before.calibration_error:.4f} before and {after.calibration_error:.4f} after."
    )


def _limits(card: ModelCard) -> str:
    lines = [f"- {_cell(line)}" for line in sentences(card.notes)]
    if "test" not in card.metrics:
        lines.append("- It has not been scored on tiles that chose nothing (no test split).")
    lines.append(_OTHER_SCENES)
    return "\n".join(lines)


def _table(rows: dict[str, Any], heads: tuple[str, str] = ("what", "value")) -> str:
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join([f"| {heads[0]} | {heads[1]} |", "|---|---|", *lines])


def _cell(value: object) -> str:
    """Return a value of the record as words of a page: no markup of it is kept."""
    text = " ".join(str(value).split())
    for character, escaped in (
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("<", "&lt;"),
        ("`", "'"),
        ("[", "\\["),
    ):
        text = text.replace(character, escaped)
    return text
