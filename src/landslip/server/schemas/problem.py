"""Problem details of HTTP errors (RFC 9457)."""

from typing import Literal

from landslip.core.records import StrictModel
from landslip.server.schemas.values import PresentVerdict


class ConflictJson(StrictModel):
    """A polygon that somebody else has changed meanwhile, as it is now."""

    id: int
    version: int
    verdict: PresentVerdict | Literal["removed"]
    author: str
    time: str


class Problem(StrictModel):
    """The body of every failure; ``conflicts`` come with status 409."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    conflicts: tuple[ConflictJson, ...] | None = None
