"""How long a server that fails is waited for, and what is said when it fails for good."""

from dataclasses import dataclass
from math import isfinite

from landslip.core.errors import InputError

_LONGEST_S = 30.0
_MAY_PASS = {408, 425, 429}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server that fails is waited for.

    Attributes:
        tries: how often an opening or a window is tried in all.
        requests: how often GDAL repeats a single request within a try.
        delay_s: wait before the second try; each further one is twice as long, up to half a minute.
        connect_s: longest wait for a connection.
        stalled_s: longest wait for a server that sends nothing.
    """

    tries: int = 4
    requests: int = 3
    delay_s: float = 1.0
    connect_s: float = 15.0
    stalled_s: float = 30.0

    def __post_init__(self) -> None:
        times = (self.delay_s, self.connect_s, self.stalled_s)
        if self.tries < 1 or self.requests < 0 or not all(isfinite(t) and t >= 0 for t in times):
            raise InputError(
                f"a server is tried at least once, with waits of 0 s or more; got {self}"
            )

    @property
    def waits(self) -> tuple[float, ...]:
        """Seconds between the tries."""
        return tuple(min(self.delay_s * 2.0**n, _LONGEST_S) for n in range(self.tries - 1))


PATIENT = Patience()


def may_pass(status: int | None) -> bool:
    """Whether a failure may be gone at the next try.

    Args:
        status: of HTTP; 0 for no answer, None where it is not known.
    """
    return status is None or status < 400 or status >= 500 or status in _MAY_PASS


def refusal(shown: str, status: int, cause: str) -> str:
    """Return the sentence that tells why a server gives nothing.

    Args:
        shown: the address without credentials.
        status: of HTTP, 400 or more; 0 for no answer.
        cause: why there was no answer.
    """
    if status == 0:
        return f"{shown}: the server cannot be reached ({cause}); check the address and the network"
    if status in {404, 410}:
        return f"{shown}: nothing is there (HTTP {status}); check the address"
    if status in {401, 403}:
        return (
            f"{shown}: the server gives it to nobody without permission (HTTP {status}); check "
            "the credentials, or whether the address's signature has expired"
        )
    remedy = "try later" if may_pass(status) else "check the address"
    return f"{shown}: the server refuses with HTTP {status}; {remedy}"
