"""RPC camera models in the keyword format of `.rpb` files."""

import re
from pathlib import Path

from landslip.core.errors import InputError
from landslip.core.rpc import RPC
from landslip.core.text import read_bytes
from landslip.preprocessing.product.files import parse_number

# every repetition is bounded or ends at a character that it excludes: time is linear in the file
_ENTRY = re.compile(
    r"""\b(?P<key>\w{1,32})\s*=\s*
    (?:\((?P<several>[^()=]*)\)|"[^"\n]{0,200}"|(?P<one>[^\s;()="]*))""",
    re.VERBOSE | re.ASCII,
)
_SCALARS = {
    "line_off": "lineOffset",
    "samp_off": "sampOffset",
    "lat_off": "latOffset",
    "lon_off": "longOffset",
    "height_off": "heightOffset",
    "line_scale": "lineScale",
    "samp_scale": "sampScale",
    "lat_scale": "latScale",
    "lon_scale": "longScale",
    "height_scale": "heightScale",
}
_LISTS = {
    "line_num": "lineNumCoef",
    "line_den": "lineDenCoef",
    "samp_num": "sampNumCoef",
    "samp_den": "sampDenCoef",
}


def read_rpb(path: Path) -> RPC:
    """Read an `.rpb` file.

    Keys may have any case and come in any order, lists may be broken into lines anywhere, exponents
    may be written with E or D; what is not needed, such as ``errBias``, may be missing.

    Raises:
        InputError: a key is missing or repeated, a value is not a finite number, a scale is 0, or
            a list does not have 20 numbers.
    """
    try:
        return parse_rpb(read_bytes(path).decode("ascii", "replace"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse_rpb(text: str) -> RPC:
    """Read the content of an `.rpb` file; see `read_rpb`."""
    entries: dict[str, list[str]] = {}  # the texts of the numbers by key in lower case
    wanted = [*_SCALARS.values(), *_LISTS.values()]
    known = {key.lower() for key in wanted}
    for match in _ENTRY.finditer(text):
        key = match["key"].lower()
        if key in known and key in entries:
            raise InputError(f"an rpb file has each entry once; {match['key']} is in it twice")
        numbers = match["several"] if match["one"] is None else match["one"]
        entries[key] = (numbers or "").replace(",", " ").split()
    missing = [key for key in wanted if key.lower() not in entries]
    if missing:
        raise InputError(
            f"an rpb file has {len(wanted)} entries; this one is without {', '.join(missing)}; "
            "download the product again"
        )
    scalars = {name: _numbers(entries, key, 1)[0] for name, key in _SCALARS.items()}
    lists = {name: _numbers(entries, key, 20) for name, key in _LISTS.items()}
    return RPC(**scalars, **lists)  # type: ignore[arg-type]


def format_rpb(rpc: RPC) -> str:
    """Write a camera model as the content of an `.rpb` file; reading it gives the same numbers."""
    if not rpc.correction.is_identity:
        raise InputError(
            "an rpb file holds a camera model without a correction in image space; this one has "
            f"{rpc.correction.coefficients}"
        )
    scalars = [f"\t{key} = {getattr(rpc, name)!r};" for name, key in _SCALARS.items()]
    lists = []
    for name, key in _LISTS.items():
        rows = ",\n".join(f"\t\t\t{value:+.16E}" for value in getattr(rpc, name))
        lists.append(f"\t{key} = (\n{rows});")
    head = ['satId = "XXX";', 'bandId = "XXX";', 'SpecId = "XXX";', "BEGIN_GROUP = IMAGE"]
    return "\n".join([*head, *scalars, *lists, "END_GROUP = IMAGE", "END;", ""])


def _numbers(entries: dict[str, list[str]], key: str, count: int) -> tuple[float, ...]:
    texts = entries[key.lower()]
    if len(texts) != count:
        raise InputError(f"{key} has {count} number{'s' * (count > 1)}; this one has {len(texts)}")
    values = tuple(value for text in texts if (value := parse_number(text)) is not None)
    if len(values) < count:
        wrong = next(text for text in texts if parse_number(text) is None)
        raise InputError(f"{key} has finite numbers; got {wrong[:40]!r}")
    if key.endswith("Scale") and values[0] == 0:
        raise InputError(f"{key} divides and is not 0; got {texts[0]}")
    return values
