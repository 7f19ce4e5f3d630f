"""What of a model folder is published, and what of a published one is taken."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from landslip.core.errors import ModelError, excerpt
from landslip.models.folder import (
    CARD,
    DEEPNESS,
    EARLIER_TRAINING_STATISTICS,
    GRAPH,
    GRAPH_WEIGHTS,
    INT8_GRAPH,
    INT8_GRAPH_WEIGHTS,
    ONNX,
    TRAINING_STATISTICS,
    WEIGHTS,
    ModelFolder,
)

PAGE = "README.md"
_ATTRIBUTES = ".gitattributes"  # the hub makes one in every repository
_OF_A_MODEL = frozenset(
    {
        WEIGHTS,
        GRAPH,
        GRAPH_WEIGHTS,
        INT8_GRAPH,
        INT8_GRAPH_WEIGHTS,
        ONNX,
        DEEPNESS,
        TRAINING_STATISTICS,
        EARLIER_TRAINING_STATISTICS,
    }
)
# what pickle reads may run anything
_PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".h5", ".keras"}


def published_files(model: ModelFolder) -> list[Path]:
    """Return the files of a model to publish, after checking their digests; others stay.

    Raises:
        ModelError: one is missing or changed, is not known, or the folder has a pickle.
    """
    refuse_unknown(model.card.files, f"{model.path}/{CARD}")
    pickles = sorted(path.name for path in model.path.rglob("*") if path.suffix in _PICKLES)
    if pickles:
        raise ModelError(
            f"{model.path}: a published model has no pickles, which can run any code when they are "
            f"read; move {excerpt(', '.join(pickles), 100)} elsewhere"
        )
    return [model.path / CARD, *(model.file(name) for name in sorted(model.card.files))]


def files_to_take(repository: str, names: Iterable[str]) -> list[str]:
    """Return the files of a repository that make a model folder, its page among them.

    Raises:
        ModelError: it has no model, or a file that no model of landslip has.
    """
    found = set(names) - {_ATTRIBUTES}
    if CARD not in found:
        raise ModelError(f"{repository}: not a model of landslip, it has no {CARD}")
    refuse_unknown(found - {CARD, PAGE}, repository)
    return sorted(found)


def refuse_unknown(names: Iterable[str], where: str) -> None:
    """Refuse files that no model folder has.

    Raises:
        ModelError: there is one.
    """
    unknown = sorted(set(names) - _OF_A_MODEL)
    if unknown:
        pickled = any(PurePosixPath(name).suffix in _PICKLES for name in unknown)
        because = ", and pickles can run any code when they are read" if pickled else ""
        raise ModelError(
            f"{where}: a model of landslip has no {excerpt(', '.join(unknown), 200)}{because}; "
            "take another revision, or ask its author"
        )
