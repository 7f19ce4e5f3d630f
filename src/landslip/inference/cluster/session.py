"""Joins a Ray cluster, or begins one on this machine."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from landslip.core.errors import InputError, MissingDependencyError

AUTO = "auto"
_ADDRESS = re.compile(r"[A-Za-z0-9_.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")
_PATIENCE_S = 10.0
_OBJECTS_BYTES = 100 * 2**20  # pixels do not go through Ray


def check_address(address: str) -> None:
    """Refuse what is no address of a cluster, and any where Ray is not installed.

    Raises:
        InputError: it is not ``auto`` and not HOST:PORT.
        MissingDependencyError: Ray is not installed.
    """
    if address != AUTO and not _ADDRESS.fullmatch(address):
        raise InputError(
            f"--ray is auto, or HOST:PORT of a cluster that this machine belongs to; got {address}"
        )
    if find_spec("ray") is None:
        raise MissingDependencyError("--ray: ray is not installed; install landslip[cloud]")


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be part of a cluster while the body runs; one that is begun here ends with it.

    A program that has joined a cluster already stays with it.

    Args:
        address: HOST:PORT, or ``auto``: the cluster that RAY_ADDRESS names or that this machine
            belongs to; where there is none, one of this machine alone, which hears on 127.0.0.1
            only.

    Raises:
        InputError: no cluster answers at the address.
        MissingDependencyError: Ray is not installed.
    """
    check_address(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # else it warns
    import ray

    if ray.is_initialized():
        yield
        return
    if (found := _running() if address == AUTO else address) is None:
        _begin()
    else:
        _join(found)
    try:
        yield
    finally:
        ray.shutdown()


def _running() -> str | None:
    """Return the address of the cluster that is meant by ``auto``, None where there is none."""
    if stated := os.environ.get("RAY_ADDRESS"):
        return stated
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    noted = Path(folder, "ray", "ray_current_cluster")
    try:
        address = noted.read_text().strip()
    except OSError:
        return None
    return address if _answers(address) else None  # a note may be of a cluster that has gone


def _join(address: str) -> None:
    import ray

    check_address(address)
    if not _answers(address):  # Ray would try for minutes
        raise InputError(
            f"--ray {address}: no Ray cluster answers there; see `ray status` on its machines, or "
            "use --ray auto"
        )
    try:
        ray.init(address=address, **_quiet())
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray {address}: {first_line(error)}") from error


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError, ValueError):
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()
        return True
    return False


def _begin() -> None:
    import ray
    from ray._private import ray_constants

    known = ray_constants.ENABLE_RAY_CLUSTER
    # Ray's own switch for machines that need no network: all its ports are on 127.0.0.1
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        ray.init(
            address="local",
            num_cpus=len(os.sched_getaffinity(0)),
            object_store_memory=_OBJECTS_BYTES,
            include_dashboard=False,
            **_quiet(),
        )
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = known


def _quiet() -> dict[str, Any]:
    return {"log_to_driver": False, "logging_level": logging.ERROR}


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
