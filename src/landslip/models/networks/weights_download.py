"""Pretrained weights that timm downloads, or finds in its cache where there is no network."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener, getproxies, proxy_bypass

from landslip.core.errors import InputError, argument

IMAGENET, NO_WEIGHTS = "imagenet", "none"
_OTHER_SERVER = "https://github.com"  # of a few backbones that are not on the Hub
_PORTS = {"http": 80, "https": 443}
_CONNECT_TIMEOUT_S = 1.5
_ANSWER_TIMEOUT_S = 10.0


def check_network(encoder: str) -> None:
    """Refuse ImageNet weights where there is neither a network to fetch them nor a cache.

    Raises:
        InputError: no server of timm's weights answers, and the Hub's cache is empty; or there is
            no such encoder.
    """
    if find_spec("huggingface_hub") is None:
        return  # what is missing is reported where it is needed
    from huggingface_hub import constants

    problem = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else None
    for server in () if problem else (constants.ENDPOINT, _OTHER_SERVER):
        if (here := why_unreachable(server)) is None:
            return
        problem = problem or here
    if not any(Path(constants.HF_HUB_CACHE).glob("models--*")):
        from landslip.models.networks.encoder import probe_backbone

        probe_backbone(encoder)  # a wrong name is the first thing to fix
        raise _not_downloaded(encoder, str(problem))


def make_with_downloaded_weights(name: str, make: Callable[[], Any]) -> Any:
    """Return what ``make`` builds with timm's ImageNet weights of the backbone ``name``.

    A server that cannot be reached is found out within two seconds: the Hugging Face client would
    try for a minute. Its cache is then used.

    Raises:
        InputError: the weights can be neither downloaded nor found in the cache.
    """
    import timm
    from huggingface_hub import constants

    address = constants.ENDPOINT
    cfg = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if cfg is not None and cfg.url and not cfg.hf_hub_id:
        address = cfg.url
    problem = None if constants.HF_HUB_OFFLINE else why_unreachable(address)
    try:
        with nullcontext() if problem is None else _hub_offline():
            return make()
    except (OSError, RuntimeError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise _not_downloaded(name, problem or first_line) from error


def download_from_hub(repository: str, file: str, revision: str | None) -> Path:
    """Return the place of a file of the Hugging Face Hub in its cache, downloaded if needed.

    Raises:
        InputError: the file can be neither downloaded nor found in the cache.
    """
    from huggingface_hub import constants, hf_hub_download

    problem = None if constants.HF_HUB_OFFLINE else why_unreachable(constants.ENDPOINT)
    try:
        with nullcontext() if problem is None else _hub_offline():
            return Path(hf_hub_download(repository, file, revision=revision))
    except (OSError, ValueError) as error:
        cause = problem or next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"{repository}/{file} cannot be downloaded from the Hugging Face Hub ({cause}); "
            f"download it where there is a network and pass the file, "
            f"{argument('encoder_weights', 'FILE')}"
        ) from error


def _not_downloaded(name: str, cause: str) -> InputError:
    return InputError(
        f"the ImageNet weights of {name} cannot be downloaded ({cause}); without a network "
        f"connection pass a local file, {argument('encoder_weights', 'FILE')}, or train from "
        f"scratch, {argument('encoder_weights', NO_WEIGHTS)}"
    )


def why_unreachable(address: str) -> str | None:
    """Return why a server, or the proxy in front of it, does not answer; None if it does.

    Any answer will do: whether the server has a file is asked for elsewhere. Resolving its name and
    connecting to it may take 1.5 s, its answer 10 s.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    proxies = {} if proxy_bypass(host) else getproxies()
    proxy = urlsplit(proxies.get(parts.scheme) or proxies.get("all") or "")
    first = proxy if proxy.hostname else parts
    try:
        port = first.port or _PORTS.get(first.scheme, 443)
        _connect(first.hostname or "", port)
        if proxy.scheme in {"", *_PORTS}:  # others, such as socks5, are not urllib's
            request = Request(address, method="HEAD")  # noqa: S310 - the address is timm's
            opener = build_opener(ProxyHandler(proxies))
            opener.open(request, timeout=_ANSWER_TIMEOUT_S).close()
    except HTTPError:
        return None
    except (OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLError):  # other clients may have other certificates
            return None
        return f"{first.hostname}: {cause}"
    return None


def _connect(host: str, port: int) -> None:
    """Connect once, in a thread: the system may look up a name for much longer than it should."""
    problem: list[OSError] = [TimeoutError(f"no answer within {_CONNECT_TIMEOUT_S:g} s")]

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S).close()
        except OSError as error:
            problem[0] = error
        else:
            problem.clear()

    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_CONNECT_TIMEOUT_S)
    if problem:
        raise problem[0]


@contextmanager
def _hub_offline() -> Iterator[None]:
    """Let the Hugging Face client use its cache alone; it reads its setting at every call."""
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = False
