"""All checks of an installation and its machine, in the order that a person reads them."""

from collections.abc import Iterator
from pathlib import Path

from landslip.api.diagnosis.check import Check, Status
from landslip.api.diagnosis.machine import (
    disk_check,
    gpu_check,
    memory_check,
    processor_checks,
    thread_check,
)
from landslip.api.diagnosis.packages import package_checks


def diagnose(folder: Path, *, speed: bool = True) -> Iterator[Check]:
    """Yield checks as they are done; those that need a broken package are left out.

    Args:
        folder: where outputs are to be written.
        speed: measure speeds, too, in some 20 seconds.
    """
    broken = False
    for check in package_checks():
        broken |= check.status is Status.BROKEN
        yield check
    yield from processor_checks()
    yield gpu_check()
    yield memory_check()
    yield disk_check(folder)
    yield thread_check()
    if broken:
        return
    from landslip.api.diagnosis.geodata import geodata_checks

    yield from geodata_checks()
    if speed:
        from landslip.api.diagnosis.speed import speed_checks

        yield from speed_checks(folder)
