"""How a scene is extracted."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from landslip.core.errors import InputError
from landslip.io.raster import SceneOptions

USUAL_OVERLAP = 64
USUAL_MEMORY_BYTES = 2 * 2**30
_STORES = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionOptions:
    """How a scene is read and what is kept.

    Attributes:
        threshold: probability from which a pixel is landslide; None takes the model's.
        min_area_m2: landslides smaller than this are left out of the polygons (not of the mask).
        tile: side of windows in pixels; None lets the plan choose.
        overlap: of windows, in pixels.
        memory_bytes: bound on the memory of the whole process.
        workers: how many windows are computed at once (with Ray: by how many processes); None
            takes what suits the machine.
        ray: address of a Ray cluster, ``auto`` for one that runs here or is begun here; None
            computes in this process.
        skip_finished: a result that is there and that this would make again is left as it is.
        store: URL or folder for finished windows, in which each output has a place of its own;
            None takes a folder beside the output.
    """

    scene: SceneOptions = field(default_factory=SceneOptions)
    tile: int | None = None
    overlap: int = USUAL_OVERLAP
    threshold: float | None = None
    min_area_m2: float = 0.0
    memory_bytes: int = USUAL_MEMORY_BYTES
    workers: int | None = None
    ray: str | None = None
    store: str | None = None
    skip_finished: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InputError(f"--threshold is over 0 and at most 1; got {self.threshold}")
        if not self.min_area_m2 >= 0:
            raise InputError(f"--min-area is 0 or more square metres; got {self.min_area_m2}")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"--workers is at least 1; got {self.workers}")
        if self.store is not None:
            _check_store(self.store)

    def store_for(self, out: Path) -> str | None:
        """Return where the finished windows of an output are; None where no store is stated."""
        if self.store is None:
            return None
        kind, name = urlsplit(self.store).scheme, f"{out.name}.windows.zarr"
        if kind in _STORES:
            return f"{self.store.rstrip('/')}/{name}"
        folder = url2pathname(urlsplit(self.store).path) if kind == "file" else self.store
        return str((Path(folder) / name).absolute())


def _check_store(store: str) -> None:
    known = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", store)
    if known is None:
        return
    if known[1] not in (*_STORES, "file"):
        raise InputError(
            f"--store is a folder, or an address that begins with file://, s3://, gs:// or az://; "
            f"got {known[1]}://"
        )
    if re.search(r"[@?]", store):
        raise InputError(
            "--store takes no passwords or signatures; object stores find theirs in the "
            "environment (AWS_ACCESS_KEY_ID and so on)"
        )
