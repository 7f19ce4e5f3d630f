"""Failures as problem details (RFC 9457), without what the machine's folders are called."""

import errno
import re
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from landslip.core.errors import (
    LandslipError,
    MissingDependencyError,
    OutputExistsError,
    excerpt,
)
from landslip.core.failures import explain
from landslip.inventory.sampling.judging import JudgedMeanwhileError
from landslip.review.changes import ConflictError, NothingToUndoError, UnknownPolygonError

MEDIA_TYPE = "application/problem+json"
_LISTED = 5
# what the owner of the folder can fix
_OF_DISKS = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS}
_FOLDERS = re.compile(r"(?<![\w.:/<])/(?:[^\s/:,;'\"()]+/)+")


class NotFoundError(LandslipError):
    """The served folder, or a part of it, does not have what was requested."""


class ForbiddenError(LandslipError):
    """Access denied."""


class UnavailableError(LandslipError):
    """A temporary failure; the client may try again."""


_STATUS: tuple[tuple[type[LandslipError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (UnknownPolygonError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (NothingToUndoError, HTTPStatus.CONFLICT),
    (JudgedMeanwhileError, HTTPStatus.CONFLICT),
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (OutputExistsError, HTTPStatus.CONFLICT),
    (MissingDependencyError, HTTPStatus.NOT_IMPLEMENTED),
    (LandslipError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


def problem(
    status: int,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Return a failure as a response."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    content = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        **members,
    }
    return JSONResponse(
        content,
        status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def without_folders(text: object, folder: Path) -> str:
    """Return a sentence in which paths begin below the served folder."""
    return _FOLDERS.sub("", str(text).replace(f"{folder}/", "").replace(str(folder), folder.name))


def handle_problems(app: FastAPI, folder: Path) -> None:
    """Let every failure of an application be answered by problem details."""

    def of_landslip(request: Request, error: Exception) -> Response:
        del request
        status = next(
            status for kind, status in _STATUS if isinstance(error, kind)
        )  # the last is the base of all
        members: dict[str, Any] = {}
        if isinstance(error, ConflictError) and error.conflicts:
            members["conflicts"] = list(map(asdict, error.conflicts))
        return problem(status, without_folders(error, folder), **members)

    def of_system(request: Request, error: Exception) -> Response:
        explained = explain(error)
        if explained is None or not isinstance(error, OSError) or error.errno not in _OF_DISKS:
            raise error  # a fault of the server
        return of_landslip(request, explained)

    def of_http(request: Request, error: Exception) -> Response:
        del request
        if not isinstance(error, HTTPException):
            raise error
        standard = HTTPStatus(error.status_code).phrase
        detail = "" if error.detail == standard else str(error.detail)
        return problem(error.status_code, detail, headers=error.headers)

    def of_validation(request: Request, error: Exception) -> Response:
        del request
        if not isinstance(error, RequestValidationError):
            raise error
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, _validation_text(error))

    app.add_exception_handler(LandslipError, of_landslip)
    app.add_exception_handler(OSError, of_system)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)


def _validation_text(error: RequestValidationError) -> str:
    """Return what is wrong with a request, by the names of its parts."""
    found = []
    for one in error.errors()[:_LISTED]:
        place = ".".join(str(part) for part in one["loc"] if part not in {"body", "query", "path"})
        text = excerpt(one["msg"], 160)
        found.append(f"{excerpt(place, 60)}: {text}" if place else text)
    return excerpt("; ".join(found), 800)
