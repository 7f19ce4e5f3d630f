"""The reference of files of settings and of records, made of the models of both."""

import json
import re
from typing import Any

from pydantic import BaseModel

from landslip.datasets.format import DatasetCard
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.results import Results
from landslip.inventory.comparison.result import InventoryComparison
from landslip.inventory.record import InventoryRecord
from landslip.inventory.statistics.result import InventoryStatistics
from landslip.models.card import ModelCard
from landslip.models.training.recipe import DEFAULT_RECIPE, RECIPES, TrainConfig, merged_settings
from landslip.multitemporal.recovery.record import RecoveryRecord
from landslip.multitemporal.series.card import SeriesCard
from landslip.multitemporal.states.record import StatesRecord
from landslip.multitemporal.tracking.record import TracksRecord
from landslip.preprocessing.radiometry.calibration import CameraCoefficients
from landslip.review.improvement_record import ImprovementRecord

Schema = dict[str, Any]
RECORDS: dict[str, tuple[str, type[BaseModel]]] = {
    "dataset": ("`dataset.json` of tiles", DatasetCard),
    "model": ("`model.json` of a model", ModelCard),
    "inventory": ("`inventory.json` of an inventory", InventoryRecord),
    "statistics": ("`statistics.json` of an inventory", InventoryStatistics),
    "comparison": ("`comparison.json` of two inventories", InventoryComparison),
    "improvement": ("`improvement.json` of an improved model", ImprovementRecord),
    "series": ("`series.json` of a series", SeriesCard),
    "states": ("`states.json` of states", StatesRecord),
    "tracks": ("`tracks.json` of histories", TracksRecord),
    "recovery": ("`recovery.json` of recovery", RecoveryRecord),
    "results": ("`results.json` of an experiment", Results),
}
OPENING = {
    "training": "`landslip train --config FILE.yaml` and `landslip improve --config FILE.yaml`, in "
    "Python `config=`, and the `training` of an [experiment](experiment.md). Unknown keys are "
    "refused. What to choose is in [training](../../training.md).",
    "experiment": "`landslip experiment FILE.yaml`. Unknown keys are refused; paths are relative "
    "to the file. [How to write one](../../experiments.md).",
    "coefficients": "`landslip preprocess --coefficients FILE.yaml`: gains, offsets and solar "
    "irradiances of a camera whose published ones are not built in.",
}


def settings_pages() -> dict[str, str]:
    """Return the pages by their places below `reference`."""
    settings: dict[str, tuple[str, type[BaseModel]]] = {
        "training": ("Settings of a training", TrainConfig),
        "experiment": ("File of an experiment", ExperimentConfig),
        "coefficients": ("Coefficients of a camera", CameraCoefficients),
    }
    pages = {
        f"configuration/{place}": model_page(title, model, OPENING[place])
        for place, (title, model) in settings.items()
    }
    pages["configuration/training"] += _recipes()
    for place, (title, model) in RECORDS.items():
        text = "Written by landslip; read it with any JSON reader."
        pages[f"records/{place}"] = model_page(title, model, text)
    return pages


def model_page(title: str, model: type[BaseModel], opening: str) -> str:
    """Return the page of a model and of those in it: a table of keys for each."""
    schema = model.model_json_schema(mode="validation")
    parts = [f"# {title}", "", opening, ""]
    inner = schema.get("$defs", {})
    parts += _described(schema, inner)
    for name, part in sorted(inner.items()):
        if "properties" in part:
            parts += ["", f"## {name}", "", *_described(part, inner)]
    return "\n".join(parts) + "\n"


def _described(schema: Schema, inner: Schema) -> list[str]:
    text = re.sub(r"``([^`]*)``", r"`\1`", schema.get("description", "")).replace("::\n", ":\n")
    required = set(schema.get("required", ()))
    rows = [
        f"| `{key}` | {_type(value, inner)} | {_default(key, value, required)} | "
        f"{_cell(value.get('description', ''))} |"
        for key, value in schema.get("properties", {}).items()
    ]
    return [text, "", "| key | value | default | what |", "|---|---|---|---|", *rows]


def _default(key: str, value: Schema, required: set[str]) -> str:
    if key in required:
        return "required"
    default = value.get("default")
    if default is None or default == {} or isinstance(default, dict):
        return ""
    if isinstance(default, list) and any(isinstance(one, dict) for one in default):
        return ""
    return f"`{_cell(json.dumps(default, ensure_ascii=False))}`"


def _type(value: Schema, inner: Schema) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        if "properties" in inner[name]:
            return f"[{name}](#{name.lower()})"
        return _type(inner[name], inner)
    for key in ("anyOf", "oneOf"):
        if key in value:
            kinds = [_type(one, inner) for one in value[key] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    return _simple_type(value, inner)


def _simple_type(value: Schema, inner: Schema) -> str:
    kind = str(value.get("type", "any"))
    if kind == "array":
        of = value.get("prefixItems", [value.get("items", {})])
        return "list of " + ", ".join(_type(one, inner) for one in of)
    if kind == "object":
        of = value.get("additionalProperties") or next(
            iter(value.get("patternProperties", {}).values()), None
        )
        return "names with " + _type(of, inner) if isinstance(of, dict) else "keys and values"
    if kind == "string":
        words = {"path": "path", "date": "date", "date-time": "time"}
        return words.get(value.get("format", ""), "text")
    words = {"integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(kind, kind) + _bounds(value)


def _bounds(value: Schema) -> str:
    words = [
        f"{sign} {value[key]}"
        for key, sign in (
            ("minimum", ">="),
            ("exclusiveMinimum", ">"),
            ("maximum", "<="),
            ("exclusiveMaximum", "<"),
            ("multipleOf", "multiple of"),
        )
        if key in value
    ]
    return f" ({', '.join(words)})" if words else ""


def _recipes() -> str:
    base = TrainConfig.model_validate(RECIPES[DEFAULT_RECIPE]).model_dump(mode="json")
    lines = ["", "## Recipes", "", "What each sets otherwise than `default`:", ""]
    lines += ["| recipe | settings |", "|---|---|"]
    for name, stated in RECIPES.items():
        if name == DEFAULT_RECIPE:
            continue
        whole = merged_settings(RECIPES[DEFAULT_RECIPE], stated)
        dumped = TrainConfig.model_validate(whole).model_dump(mode="json")
        changed = {key: value for key, value in dumped.items() if value != base[key]}
        if "augmentation" in changed:
            changed["augmentation"] = {
                key: value
                for key, value in changed["augmentation"].items()
                if value != base["augmentation"][key]
            }
        words = ", ".join(f"`{key}: {json.dumps(value)}`" for key, value in changed.items())
        lines.append(f"| `{name}` | {words} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
