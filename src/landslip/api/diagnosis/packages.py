"""The packages that landslip needs, and those of its extras."""

import platform
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from landslip import __version__
from landslip.api.diagnosis.check import Check, Status
from landslip.core.errors import excerpt

# what is imported, where it is not called as the package is
_MODULES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
}
EXTRAS = {
    "train": "to train, evaluate with torch, and use GPUs",
    "export": "to write ONNX and int8 graphs",
    "onnx": "for --engine onnx",
    "cloud": "for --ray and object stores",
    "serve": "for `landslip serve`",
    "hub": "for `landslip push` and `landslip pull`",
    "6s": "for atmospheric coefficients by 6S",
    "clouds": "for cloud masks by OmniCloudMask",
}


def package_checks() -> Iterator[Check]:
    """Check landslip, Python, every dependency of the base install by importing it, and extras."""
    yield Check(section="installed", name="landslip", value=__version__)
    yield Check(
        section="installed",
        name="Python",
        value=f"{platform.python_version()} ({sys.executable}), {platform.platform()}",
    )
    requirements = [Requirement(line) for line in requires("landslip") or ()]
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _needed(requirement)
    for extra, use in EXTRAS.items():
        yield _extra(extra, use, requirements)


def _needed(requirement: Requirement) -> Check:
    name, section = requirement.name, "installed"
    remedy = f"install it again: pip install --force-reinstall '{requirement}'"
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Check(
            section=section, name=name, value="missing", status=Status.BROKEN, advice=remedy
        )
    if not requirement.specifier.contains(installed, prereleases=True):
        return Check(
            section=section,
            name=name,
            value=f"{installed}, and landslip needs {requirement.specifier}",
            status=Status.BROKEN,
            advice=f"pip install '{requirement}'",
        )
    try:
        import_module(_MODULES.get(name, name))
    except Exception as error:  # whatever a broken package raises is what to report
        return Check(
            section=section,
            name=name,
            value=f"{installed} cannot be imported: {excerpt(str(error), 200)}",
            status=Status.BROKEN,
            advice=remedy,
        )
    return Check(section=section, name=name, value=installed)


def _extra(extra: str, use: str, requirements: list[Requirement]) -> Check:
    missing, found = [], []
    for requirement in requirements:
        marker = requirement.marker
        if (
            marker is None
            or marker.evaluate({"extra": ""})
            or not marker.evaluate({"extra": extra})
        ):
            continue
        if requirement.name == "landslip":
            continue
        try:
            found.append(f"{requirement.name} {version(requirement.name)}")
        except PackageNotFoundError:
            missing.append(requirement.name)
    if not missing and found:
        return Check(section="extras", name=extra, value=", ".join(found))
    return Check(
        section="extras",
        name=extra,
        value=f"without {', '.join(missing)}" if missing else "not known to this installation",
        status=Status.NOTE,
        advice=f"{use}: pip install 'landslip[{extra}]'",
    )
