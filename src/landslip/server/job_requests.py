"""Requests of jobs: ids become files of the served folder, and everything is checked before."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landslip.core.errors import InputError, excerpt
from landslip.inventory.record import REPORT
from landslip.server.catalogue.entries import InventoryEntry, RasterEntry
from landslip.server.catalogue.folder import ServedFolder
from landslip.server.catalogue.listing import REVIEWS, require_below
from landslip.server.catalogue.rasters import require_own_map
from landslip.server.job_options import OptionValue, checked_options
from landslip.server.job_work import JobWork
from landslip.server.reviews import Reviews
from landslip.server.schemas import JobRequest

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "extract": ("scene_id", "model_id"),
    "inventory": ("inventory_id",),
    "corrected": ("inventory_id",),
    "report": ("inventory_id",),
    "sample": ("inventory_id",),
    "improve": ("model_id",),
}
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "inventory": ("sample_id",),
    "corrected": ("sample_id",),
    "improve": ("inventory_id",),
}
_IDS = ("scene_id", "model_id", "inventory_id", "sample_id")
_ENDINGS = {"sample": ".gpkg", "report": ".html"}
_NAME = re.compile(r"[^\W_](?:[\w .()+,=@#-]{0,98}[\w)+])?")
# names that Windows gives to devices, where the folder may be copied to
_DEVICE = re.compile(r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


def work_of(request: JobRequest, folder: ServedFolder, reviews: Reviews) -> JobWork:
    """Return the work that a request asks for.

    Raises:
        NotFoundError: there is nothing of an id.
        InputError: something that it needs is missing or not of that kind, the name of the output
            is none, or an option is not allowed.
    """
    kind = request.kind
    for name in _IDS:
        is_given = getattr(request, name) is not None
        if not is_given and name in _NEEDED[kind]:
            raise InputError(f"{kind} needs {name}; got none")
        if is_given and name not in (*_NEEDED[kind], *_OPTIONAL.get(kind, ())):
            raise InputError(f"{kind} takes no {name}; leave it out")
    name = checked_name(kind, request.out)
    source, arguments = _Inputs(request, folder, reviews).of_kind()
    out = folder.root / name
    if kind == "report" and not (source / REPORT).exists():
        out = source / REPORT  # to which the page has a link
    for path in (source, *(one for one in arguments.values() if isinstance(one, Path))):
        require_below(folder.root, path)
    return JobWork(kind=kind, out=out, source=source, arguments=arguments)


def checked_name(kind: str, name: str) -> str:
    """Return the name of an output, with the ending that files of its kind have.

    Raises:
        InputError: it is not a plain name.
    """
    ending = _ENDINGS.get(kind, "")
    if ending and not name.lower().endswith(ending):
        name += ending
    is_plain = _NAME.fullmatch(name) is not None and len(name.encode()) <= 200
    if not is_plain or _DEVICE.fullmatch(name) is not None or name.lower() == REVIEWS:
        raise InputError(
            "out is a name of letters, digits, spaces and . ( ) + , = @ # - _ that begins with a "
            f"letter or digit, at most 100 characters, and no path; got {excerpt(repr(name), 60)}"
        )
    return name


class _Inputs:
    """The inputs of a request, by its ids."""

    def __init__(self, request: JobRequest, folder: ServedFolder, reviews: Reviews) -> None:
        self._request, self._folder, self._reviews = request, folder, reviews
        self._options = checked_options(request.kind, request.options)

    def of_kind(self) -> tuple[Path, dict[str, Any]]:
        """Return what the job is made of, and the arguments of its function."""
        request, arguments = self._request, self._arguments()
        if request.kind == "extract":
            return self._scene(request.scene_id).path, arguments | {"model": self._model()}
        if request.kind == "improve":
            return self._model(), arguments | {"corrections": self._corrections()}
        entry = self._folder.inventory(request.inventory_id or "")
        require_own_map(self._folder.root, entry)
        if request.sample_id is not None:
            arguments["sample"] = self._folder.sample(request.sample_id).path
        if request.kind == "corrected":
            return self._review_of(entry), arguments | self._scene_of(entry)
        if request.kind == "report" and entry.kind != "inventory":
            raise InputError(
                f"{entry.name}: a report is of an inventory; make one of it first, with a job of "
                "the kind inventory"
            )
        if request.kind == "inventory" and entry.kind == "extraction":
            arguments |= self._scene_of(entry)
        return entry.source, arguments

    def _arguments(self) -> dict[str, Any]:
        """Return the options, with files in place of the ids of rasters."""
        arguments: dict[str, Any] = {}
        for name, value in self._options.items():
            if name == "dem_id":
                arguments["dem"] = self._elevation(value)
            elif name == "before_id":
                arguments["before"] = self._scene(str(value)).path
            else:
                arguments[name] = value
        return arguments

    def _scene(self, key: str | None) -> RasterEntry:
        raster = self._folder.raster(key or "")
        if raster.kind != "scene":
            raise InputError(f"{raster.name}: is of the kind {raster.kind}; give the id of a scene")
        return raster

    def _elevation(self, key: OptionValue) -> Path:
        raster = self._folder.raster(str(key))
        if raster.kind not in {"elevation", "other", "scene"}:
            raise InputError(
                f"{raster.name}: is of the kind {raster.kind}; give the id of an elevation model"
            )
        if len(raster.bands) != 1:
            raise InputError(
                f"{raster.name}: an elevation model has one band; it has {len(raster.bands)}"
            )
        return raster.path

    def _model(self) -> Path:
        return self._folder.model(self._request.model_id or "").path

    def _scene_of(self, entry: InventoryEntry) -> dict[str, Any]:
        """Return the scene of a map where it is in the folder; no other one is read."""
        if entry.scene_id is None:
            return {"use_scene": False}
        return {"scene": self._folder.raster(entry.scene_id).path}

    def _review_of(self, entry: InventoryEntry) -> Path:
        place = self._reviews.folder_of(entry)
        if place is None:
            raise InputError(f"{entry.name}: has no review yet; start it, and judge polygons")
        self._reviews.require_own_files(place, with_scene=self._request.kind == "improve")
        return place

    def _corrections(self) -> Path:
        """Return the review that a model learns from, or the folder of all."""
        if self._request.inventory_id is not None:
            return self._review_of(self._folder.inventory(self._request.inventory_id))
        for folder in self._reviews.all():
            self._reviews.require_own_files(folder, with_scene=True)
        return self._folder.root / REVIEWS
