"""Text that enters: JSON, YAML, CSV and XML of users and strangers, read within bounds.

Whatever a file holds, reading it ends in a value or in one `InputError` that names file and rule:
files are of bounded size and regular (no pipe, no device), documents of bounded depth, numbers
finite and of at most 64 bits, texts without lone surrogates and control characters, and no key is
twice in a mapping.
"""

import codecs
import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar
from xml.etree.ElementTree import Element, ParseError

import yaml
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import BaseModel, ValidationError

from landslip.core.errors import InputError, LandslipError, excerpt
from landslip.core.paths import require_file

MAX_JSON_BYTES = 128 * 2**20
MAX_TABLE_BYTES = 128 * 2**20
MAX_SHORT_BYTES = 4 * 2**20
MAX_YAML_BYTES = 2**18  # a second to read
MAX_DEPTH = 64
MAX_YAML_NODES = 200_000
MAX_LETTERS = 200_000
_MAX_INT = 2**64
# C0 without tab and line ends, DEL, lone surrogates, and what XML takes for no character
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_YAML_TAGS = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge")
}
# expat knows no encoding of several bytes but UTF-8 and UTF-16
_CHINESE_XML = re.compile(rb"<\?xml[^>]{0,80}encoding\s{0,9}=\s{0,9}[\"']gb", re.IGNORECASE)
Record = TypeVar("Record", bound=BaseModel)


def read_bytes(path: Path, most: int = MAX_SHORT_BYTES) -> bytes:
    """Return a regular file's content.

    Raises:
        InputError: it is none, cannot be read, or is larger than ``most`` bytes.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > most:
        raise InputError(
            f"{path}: a text file of this kind has at most {most:,} bytes and this one is larger; "
            "it is not what its name says"
        )
    return content


def read_text(path: Path, most: int = MAX_SHORT_BYTES) -> str:
    """Return a text file's content: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        InputError: see `read_bytes`; or it is no text.
    """
    return _decoded(read_bytes(path, most), path)


def read_json(path: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        InputError: it is no JSON, or not within the bounds.
    """
    return parse_json(read_bytes(path, MAX_JSON_BYTES), path)


def parse_json(content: bytes, place: object) -> Any:
    """Return the value of a JSON text; ``place`` is where it is from, for messages.

    Raises:
        InputError: it is no JSON, or not within the bounds.
    """
    text = _decoded(content, place)
    try:
        value = json.loads(
            text, object_pairs_hook=_mapping, parse_int=_integer, parse_constant=_no_number
        )
        _check_value(value)
    except RecursionError as error:
        raise InputError(
            f"{place}: not JSON that can be read (more than {MAX_DEPTH} levels deep)"
        ) from error
    except ValueError as error:
        raise InputError(f"{place}: not JSON that can be read ({excerpt(error)})") from error
    return value


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file.

    It holds numbers, words, lists and mappings; dates are words, and no other tags are known.

    Raises:
        InputError: it is no YAML, or not within the bounds.
    """
    return parse_yaml(read_text(path, MAX_YAML_BYTES), path)


def parse_yaml(text: str, place: object) -> Any:
    """Return the value of a YAML text; ``place`` is where it is from, for messages.

    Raises:
        InputError: it is no YAML, or not within the bounds.
    """
    loader = None
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_node(node)
        value = loader.construct_document(node)
        _check_value(value, is_finite=False)
    except RecursionError as error:
        raise InputError(
            f"{place}: not YAML that can be read (more than {MAX_DEPTH} levels deep)"
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise InputError(f"{place}: not YAML that can be read ({excerpt(error)})") from error
    finally:
        if loader is not None:
            loader.dispose()
    return value


def read_table(path: Path, delimiters: str = ",") -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header, UTF-8 or GB 18030; missing cells are empty.

    The first of ``delimiters`` that is in the header separates columns.

    Raises:
        InputError: it is no such table, a column is named twice, or it is not within the bounds.
    """
    content = read_bytes(path, MAX_TABLE_BYTES)
    try:
        text = _decoded(content, path)
    except InputError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise InputError(f"{path}: not a CSV file in UTF-8 or GB 18030") from None
    if (found := _FORBIDDEN.search(text)) is not None:
        raise InputError(f"{path}: a CSV file has no control characters; got {excerpt(found[0])}")
    head = text.partition("\n")[0]
    delimiter = next((one for one in delimiters if one in head), delimiters[0])
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
        names = list(reader.fieldnames or ())
        _refuse_duplicates([name for name in names if name.strip()])
        return [{name: row[name] for name in names} for row in reader]
    except (csv.Error, ValueError) as error:
        raise InputError(f"{path}: not a CSV file that can be read ({excerpt(error)})") from error


def parse_xml(content: bytes) -> Element:
    """Return the root of an XML text; it has no document type and no entities.

    Raises:
        InputError: it is no XML, or refused; the message does not name the file.
    """
    document = content.decode("gb18030", "replace") if _CHINESE_XML.match(content) else content
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            "metadata have no document type and no entities; this file is refused, since those "
            "can read other files or fill the memory"
        ) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise InputError(
            f"no XML that can be read ({excerpt(error)}); download the product again"
        ) from error
    return root


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind(Generic[Record]):
    """What a JSON file should be, and what the user does where it is not.

    Attributes:
        model: the record.
        name: of the file's content in messages, e.g. ``the description of an SVM``.
        remedy: e.g. ``copy it again``.
        error: what is raised.
    """

    model: type[Record]
    name: str
    remedy: str
    error: type[LandslipError] = InputError

    def read(self, path: Path) -> Record:
        """Return the record in a file.

        Raises:
            LandslipError: it cannot be read, or is no such record.
        """
        return self.validate(self.read_content(path), path)

    def read_content(self, path: Path) -> Any:
        """Return the value in a file.

        Raises:
            LandslipError: it cannot be read.
        """
        try:
            return read_json(path)
        except InputError as error:
            problem = str(error).removeprefix(f"{path}: ")
            raise self.error(f"{path}: not {self.name} ({problem}); {self.remedy}") from error

    def validate(self, content: Any, path: Path) -> Record:
        """Return the record of what was read.

        Raises:
            LandslipError: a key is missing or unknown, or a value is wrong.
        """
        try:
            return self.model.model_validate(content)
        except ValidationError as error:
            problem = first_problem(error)
            raise self.error(f"{path}: not {self.name} ({problem}); {self.remedy}") from error


def first_problem(error: ValidationError, names: Iterable[str] = ()) -> str:
    """Return the first error: where it is, the rule, and the value.

    ``names`` are the allowed keys, of which one that is like a wrong one is suggested.
    """
    problem = error.errors(include_url=False, include_context=False)[0]
    rule = excerpt(problem["msg"].removeprefix("Value error, "))
    where = excerpt(".".join(str(step) for step in problem["loc"] if not _is_union(str(step))))
    if problem["type"] == "extra_forbidden":
        similar = get_close_matches(where, names, 1) if len(problem["loc"]) == 1 else []
        return f"{where}: no such key" + (f"; did you mean {similar[0]}?" if similar else "")
    rule = f"{where}: {rule}" if where else rule
    if problem["type"] == "missing" or isinstance(problem["input"], dict | BaseModel):
        return rule
    return f"{rule} (got {excerpt(repr(problem['input']), 60)})"


def _is_union(step: str) -> bool:
    """Whether a step is the name of a union's branch, pydantic's or a tag, which no user wrote."""
    return step.startswith(("str-enum[", "constrained-", "literal[", "function-", "union-"))


def _decoded(content: bytes, place: object) -> str:
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not text in UTF-8 ({error.reason} at {error.start})") from error


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_duplicates([key for key, _ in pairs])
    return dict(pairs)


def _refuse_duplicates(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        name, _ = Counter(names).most_common(1)[0]
        raise ValueError(f"{excerpt(repr(name), 60)} is in it twice")


def _integer(digits: str) -> int:
    if len(digits) > len(str(_MAX_INT)) + 1:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _check_value(value: Any, *, is_finite: bool = True) -> None:
    """Refuse what is too deep, and texts and numbers that no file of this package holds."""
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                deeper += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple):
                deeper += one
            elif isinstance(one, str):
                _check_letters(one)
            elif isinstance(one, int) and not -_MAX_INT < one < _MAX_INT:
                raise ValueError("a number of more than 64 bits")
            elif is_finite and isinstance(one, float) and not math.isfinite(one):
                raise ValueError(f"{one} is no finite number")
        if not deeper:
            return
        level = deeper
    raise ValueError(f"more than {MAX_DEPTH} levels deep")


def _check_letters(text: str) -> None:
    if len(text) > MAX_LETTERS:
        raise ValueError(f"a text of {len(text):,} characters")
    if (found := _FORBIDDEN.search(text)) is not None:
        raise ValueError(f"the character {excerpt(found[0])} in {excerpt(repr(text), 60)}")


class _PlainLoader(yaml.SafeLoader):
    """Loads numbers, words, lists and mappings; a date stays a word."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _check_node(root: yaml.Node) -> None:
    """Refuse unknown tags, keys that are no words, and aliases that expand beyond the bound."""
    sizes: dict[int, int] = {}
    unfinished: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in unfinished:
            raise ValueError("an alias of what it is in")
        if node.tag not in _YAML_TAGS:
            raise ValueError(f"the tag {excerpt(node.tag, 60)} is not known here")
        if id(node) not in sizes:
            unfinished.add(id(node))
            parts = node.value if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.MappingNode):
                _refuse_duplicates([_word(key) for key, _ in node.value])
                parts = [part for _, part in node.value]
            sizes[id(node)] = 1 + sum(map(size, parts))
            unfinished.remove(id(node))
            if sizes[id(node)] > MAX_YAML_NODES:
                raise ValueError(f"more than {MAX_YAML_NODES:,} values, aliases among them")
        return sizes[id(node)]

    size(root)


def _word(key: yaml.Node) -> str:
    words = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
    if not isinstance(key, yaml.ScalarNode) or key.tag not in words:
        line = key.start_mark.line + 1
        raise ValueError(f"the key in line {line} is no word; put it in quotes if it is one")
    return str(key.value)
