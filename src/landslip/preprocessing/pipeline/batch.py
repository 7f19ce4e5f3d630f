"""Several products, one after another, onto one grid."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from landslip.core.errors import LandslipError
from landslip.preprocessing.orthorectification.map_grid import parse_crs
from landslip.preprocessing.pipeline.request import SceneRequest
from landslip.preprocessing.pipeline.run import Outcome, Watch, preprocess
from landslip.preprocessing.product.find import find_products


def preprocess_all(
    patterns: Sequence[str],
    out: Path,
    request: SceneRequest,
    watch: Callable[[Path], Watch],
    done: Callable[[Outcome], None],
) -> None:
    """Make scenes of all products that files, folders and patterns name.

    Where no coordinate system is asked for, all take that of the first, so that they stack. A
    product that fails does not keep the others from being made.

    Args:
        patterns: what the user named.
        out: folder of the scenes' folders.
        request: what is asked for.
        watch: gives who is told of a product's progress.
        done: told of each scene.

    Raises:
        LandslipError: some failed; the message says which, and why.
    """
    failures = []
    for path in find_products(patterns):
        try:
            outcome = preprocess(path, out, request, watch(path))
        except LandslipError as error:
            failures.append(error)
            continue
        done(outcome)
        if request.map_crs is None:
            request = replace(request, common_crs=parse_crs(outcome.quality["grid"]["crs"]))
    if len(failures) == 1:
        raise failures[0]
    if failures:
        lines = "\n".join(f"  {failure}" for failure in failures)
        raise LandslipError(f"{len(failures)} products could not be processed:\n{lines}")
