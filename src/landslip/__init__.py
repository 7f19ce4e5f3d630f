"""landslip maps landslides from very-high-resolution satellite scenes.

What is listed in ``__all__`` is the Python API: the same functions that the command line calls.
Nothing heavy is imported before one of them is used; torch only by those that need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from landslip.core.geodata import ignore_foreign_geodata
from landslip.core.telemetry import disable_telemetry


def _built_version() -> str:
    """Return the version that the build wrote; a fixed one for a tree that was not built."""
    try:
        return str(import_module("landslip._version").version)
    except ModuleNotFoundError:
        return "0.1.0.dev0"


__version__ = _built_version()

if TYPE_CHECKING:
    from landslip import datasets as datasets
    from landslip.api.extraction import Extraction as Extraction
    from landslip.api.extraction import Probability as Probability
    from landslip.api.extraction import extract as extract
    from landslip.api.extraction import extract_all as extract_all
    from landslip.api.improvement import Improvement as Improvement
    from landslip.api.improvement import improve as improve
    from landslip.api.inventories import Inventory as Inventory
    from landslip.api.inventories import compare as compare
    from landslip.api.inventories import make_inventory as make_inventory
    from landslip.api.inventories import open_inventory as open_inventory
    from landslip.api.models import TrainedModel as TrainedModel
    from landslip.api.models import calibrate as calibrate
    from landslip.api.models import evaluate as evaluate
    from landslip.api.models import export as export
    from landslip.api.models import load_model as load_model
    from landslip.api.models import predict_tiles as predict_tiles
    from landslip.api.multitemporal import States as States
    from landslip.api.multitemporal import open_series as open_series
    from landslip.api.multitemporal import series as series
    from landslip.api.multitemporal import states as states
    from landslip.api.reports import report as report
    from landslip.api.reviews import Review as Review
    from landslip.api.reviews import open_review as open_review
    from landslip.api.reviews import start_review as start_review
    from landslip.api.sampling import Sample as Sample
    from landslip.api.sampling import sample as sample
    from landslip.api.scenes import open_scene as open_scene
    from landslip.api.scenes import orthorectify as orthorectify
    from landslip.api.scenes import pansharpen as pansharpen
    from landslip.api.scenes import preprocess as preprocess
    from landslip.api.scenes import register as register
    from landslip.api.scenes import stack as stack
    from landslip.api.tracking import Recovery as Recovery
    from landslip.api.tracking import Tracks as Tracks
    from landslip.api.tracking import open_tracks as open_tracks
    from landslip.api.tracking import recovery as recovery
    from landslip.api.tracking import track as track
    from landslip.api.training import run_experiment as run_experiment
    from landslip.api.training import train as train
    from landslip.api.weights import convert_weights as convert_weights
    from landslip.core.errors import LandslipError as LandslipError
    from landslip.io.raster.scene import Scene as Scene
    from landslip.server.start import serve as serve

_MODULES = {
    "landslip.api.scenes": (
        "open_scene",
        "orthorectify",
        "pansharpen",
        "preprocess",
        "register",
        "stack",
    ),
    "landslip.api.models": (
        "TrainedModel",
        "calibrate",
        "evaluate",
        "export",
        "load_model",
        "predict_tiles",
    ),
    "landslip.api.training": ("run_experiment", "train"),
    "landslip.api.extraction": ("Extraction", "Probability", "extract", "extract_all"),
    "landslip.api.improvement": ("Improvement", "improve"),
    "landslip.api.inventories": (
        "Inventory",
        "compare",
        "make_inventory",
        "open_inventory",
    ),
    "landslip.api.multitemporal": (
        "States",
        "open_series",
        "series",
        "states",
    ),
    "landslip.api.reports": ("report",),
    "landslip.api.tracking": ("Recovery", "Tracks", "open_tracks", "recovery", "track"),
    "landslip.api.reviews": ("Review", "open_review", "start_review"),
    "landslip.api.sampling": ("Sample", "sample"),
    "landslip.api.weights": ("convert_weights",),
    "landslip.core.errors": ("LandslipError",),
    "landslip.io.raster.scene": ("Scene",),
    "landslip.server.start": ("serve",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

disable_telemetry()  # both before anything else is imported
ignore_foreign_geodata()

__all__ = ["__version__", "datasets", *sorted(_MODULE_OF)]  # noqa: PLE0604 - all are strings


def __getattr__(name: str) -> Any:
    """Import a name of the API when it is first used."""
    if name == "datasets":
        return import_module("landslip.datasets")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'landslip' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
