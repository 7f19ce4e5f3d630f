"""Joins a Ray cluster, or starts one on this machine."""

import logging
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from landslip.core.errors import InputError, LandslipError, MissingDependencyError, argument

AUTO = "auto"
_ADDRESS = re.compile(r"[A-Za-z0-9_.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")
_CONNECT_TIMEOUT_S = 10.0
_OBJECT_STORE_BYTES = 100 * 2**20  # pixels do not go through Ray
_OOM_RETRIES = 2
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


def check_address(address: str) -> None:
    """Check the form of a cluster's address, and that Ray is installed.

    Raises:
        InputError: the address is neither ``auto`` nor HOST:PORT.
        MissingDependencyError: Ray is not installed.
    """
    if address != AUTO and not _ADDRESS.fullmatch(address):
        raise InputError(
            f"{argument('ray')} must be auto, or HOST:PORT of a cluster that this machine belongs "
            f"to; got {address}"
        )
    if find_spec("ray") is None:
        raise MissingDependencyError(
            f"{argument('ray')}: ray is not installed; install landslip[cloud]"
        )


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to a cluster while the body runs; one that is started here ends with it.

    A program that is connected already stays so.

    Args:
        address: HOST:PORT, or ``auto``: the cluster that RAY_ADDRESS names or that this machine
            belongs to; otherwise a new one of this machine alone, which listens on 127.0.0.1 only.

    Raises:
        InputError: no cluster answers at the address.
        MissingDependencyError: Ray is not installed.
    """
    check_address(address)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # else it warns
    # else a task that Ray ends for lack of memory is retried for ever, whatever its max_retries
    os.environ.setdefault("RAY_task_oom_retries", str(_OOM_RETRIES))
    import ray

    if ray.is_initialized():
        yield
        return
    if (existing := _local_cluster() if address == AUTO else address) is None:
        _start()
    else:
        _join(existing)
    try:
        yield
    finally:
        ray.shutdown()


def _local_cluster() -> str | None:
    """Return the address that ``auto`` means; None if there is no cluster."""
    if stated := os.environ.get("RAY_ADDRESS"):
        return stated
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    try:
        address = Path(folder, "ray", "ray_current_cluster").read_text().strip()
    except OSError:
        return None
    return address if _answers(address) else None  # the file may be of a cluster that has ended


def _join(address: str) -> None:
    import ray

    check_address(address)
    if not _answers(address):  # Ray would try for minutes
        raise InputError(
            f"{argument('ray', address)}: no Ray cluster answers there; see `ray status` on its "
            f"machines, or use {argument('ray', AUTO)}"
        )
    try:
        ray.init(address=address, **_QUIET)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"{argument('ray', address)}: {first_line(error)}") from error


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError, ValueError):
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_TIMEOUT_S).close()
        return True
    return False


def _start() -> None:
    import ray
    from ray._private import ray_constants, services

    # Ray's own switch for machines that need no network: all its ports are on 127.0.0.1
    network = ray_constants.ENABLE_RAY_CLUSTER
    # the process that reports usage asks who runs this machine's cloud even where it may not
    dashboard = services.start_api_server
    if not _has_token():  # otherwise Ray writes one into the home folder
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(16)
    ray_constants.ENABLE_RAY_CLUSTER = False
    services.start_api_server = lambda *_, **__: (None, None)
    try:
        ray.init(
            address="local",
            num_cpus=len(os.sched_getaffinity(0)),
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            **_QUIET,
        )
    except (
        Exception
    ) as error:  # Ray raises anything, and Exception itself where it runs out of time
        raise LandslipError(
            f"{argument('ray', AUTO)}: no cluster can be started here ({first_line(error)}); Ray "
            f"needs memory in /dev/shm and a folder for its logs; or leave {argument('ray')} out"
        ) from error
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = network
        services.start_api_server = dashboard


def _has_token() -> bool:
    if {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        return True
    with suppress(OSError, RuntimeError):  # no home folder
        return Path("~/.ray/auth_token").expanduser().exists()
    return False


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
