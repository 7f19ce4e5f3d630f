"""Text of strangers ends in a value or in one sentence that names file and rule."""

from pathlib import Path

import pytest
from pydantic import Field

from landslip.core.errors import InputError, ModelError
from landslip.core.records import StrictModel
from landslip.core.text import RecordKind, read_json, read_table, read_yaml


def _written(tmp_path: Path, content: bytes, name: str = "given.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"{now}: &{now} [{', '.join(f'*{before}' for _ in range(10))}]\n".encode()
    for before, now in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = b"a: &a {x: 1}\n" + b"".join(
    f"{now}: &{now} {{<<: [{', '.join(f'*{before}' for _ in range(10))}]}}\n".encode()
    for before, now in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(b"{", "not JSON", id="cut"),
        pytest.param(b"9" * 5000, "a number of 5000 digits", id="digits"),
        pytest.param(b'{"a": 99999999999999999999}', "more than 64 bits", id="beyond 64 bits"),
        pytest.param(b"[" * 100_000, "levels deep", id="thousands of levels"),
        pytest.param(b"[" * 80 + b"]" * 80, "more than 64 levels", id="more levels than any"),
        pytest.param(b'{"a": NaN}', "NaN is no number", id="NaN"),
        pytest.param(b'{"a": [1e400]}', "inf is no finite number", id="infinite"),
        pytest.param(b'{"a": "\\ud800"}', r"the character \\ud800", id="lone surrogate"),
        pytest.param(b'{"a\\u0000": 1}', r"the character \\x00", id="control character in a key"),
        pytest.param(b'{"a": 1, "a": 2}', "'a' is in it twice", id="key twice"),
        pytest.param(b'{"a": "\xff"}', "not text in UTF-8", id="not UTF-8"),
        pytest.param(b'"' + b"x" * 300_000 + b'"', "a text of 300,000", id="long text"),
    ],
)
def test_json_outside_the_bounds_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    path = _written(tmp_path, content)
    with pytest.raises(InputError, match=rule) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"a": [1, -2.5, null, true, "\\u6ed1\\u5761\\n"]}', id="UTF-8"),
        pytest.param('{"a": [1, -2.5, null, true, "滑坡\\n"]}'.encode("utf-8-sig"), id="BOM"),
        pytest.param('{"a": [1, -2.5, null, true, "滑坡\\n"]}'.encode("utf-16"), id="UTF-16"),
    ],
)
def test_json_of_any_unicode_encoding_is_read(tmp_path: Path, content: bytes) -> None:
    assert read_json(_written(tmp_path, content)) == {"a": [1, -2.5, None, True, "滑坡\n"]}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(b"a: [", "not YAML", id="cut"),
        pytest.param(b"a: " + b"9" * 5000, "not YAML", id="digits"),
        pytest.param(b"[" * 5000, "levels deep", id="thousands of levels"),
        pytest.param(b"[" * 80 + b"]" * 80, "more than 64 levels", id="more levels than any"),
        pytest.param(BOMB, "aliases among them", id="aliases of aliases"),
        pytest.param(MERGED, "aliases among them", id="merges of merges"),
        pytest.param(b"a: &a [*a]", "an alias of what it is in", id="alias of itself"),
        pytest.param(b"a: !!python/object:os.system x", "the tag .* is not known", id="tag"),
        pytest.param(b"a: !!timestamp x", "the tag .* is not known", id="tag of a date"),
        pytest.param(b"a: !!int x", "not YAML", id="no number"),
        pytest.param(b"a: 1\na: 2", "'a' is in it twice", id="key twice"),
        pytest.param(b"2013: x", "the key in line 1 is no word", id="number as key"),
        pytest.param(b"? [a]\n: x", "the key in line 1 is no word", id="list as key"),
        pytest.param(b'a: "\\ud800"', r"the character \\ud800", id="lone surrogate"),
        pytest.param(b"a: \x1b[31m", "not YAML", id="control character"),
        pytest.param(b"a: 1\n---\na: 2", "not YAML", id="two documents"),
    ],
)
def test_yaml_outside_the_bounds_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    path = _written(tmp_path, content)
    with pytest.raises(InputError, match=rule) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()


def test_a_date_in_yaml_is_a_word_and_merges_work(tmp_path: Path) -> None:
    path = _written(tmp_path, b"a: &a {x: 2013-13-45, y: .inf}\nb: {<<: *a, x: 2}\nc: *a\n")
    base = {"x": "2013-13-45", "y": float("inf")}
    assert read_yaml(path) == {"a": base, "b": base | {"x": 2}, "c": base}
    assert read_yaml(_written(tmp_path, b"# nothing\n")) is None


def test_a_table_is_read_in_the_encodings_of_spreadsheets(tmp_path: Path) -> None:
    rows = [{"name": "滑坡", "group": "a", "": ""}, {"name": "b", "group": "", "": ""}]
    text = "name,group,,\n滑坡,a,,\nb\n"
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        assert read_table(_written(tmp_path, text.encode(encoding))) == rows
    assert read_table(_written(tmp_path, b"name;group\nx;y"), ",;") == [{"name": "x", "group": "y"}]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(b"a,b\n\xff\xff\xff,1", "in UTF-8 or GB 18030", id="encoding"),
        pytest.param(b"a,b\n\x00,1", "no control characters", id="NUL"),
        pytest.param(b"a,a\n1,2", "'a' is in it twice", id="column twice"),
        pytest.param(b"a\n" + b"x" * 200_000, "not a CSV file", id="endless field"),
    ],
)
def test_tables_outside_the_bounds_are_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        read_table(_written(tmp_path, content))


class _Inner(StrictModel):
    count: int = Field(ge=0)
    share: float | None = None
    is_new: bool = False


class _Outer(StrictModel):
    inner: _Inner


KIND = RecordKind(model=_Outer, name="an outer", remedy="copy it again", error=ModelError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"{}", r"outer \(inner: Field required\); copy it again$", id="missing"),
        pytest.param(b'{"inner": {"count": -1}}', r"inner.count: .* \(got -1\)", id="range"),
        pytest.param(b'{"inner": {"count": true}}', r"inner.count: .*number.*got True", id="true"),
        pytest.param(
            b'{"inner": {"count": 1, "share": false}}', r"inner.share: .*number.*False", id="false"
        ),
        pytest.param(b'{"inner": {"count": "%s"}}' % (b"x" * 9000), "inner.count: ", id="long"),
        pytest.param(b"[1]", r"outer \(Input should be", id="no mapping"),
        pytest.param(b"[", "not JSON that can be read .*; copy it again$", id="no JSON"),
    ],
)
def test_a_wrong_record_is_named_in_one_short_sentence(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = _written(tmp_path, content)
    with pytest.raises(ModelError, match=message) as caught:
        KIND.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < len(str(path)) + 300


def test_a_right_record_is_read(tmp_path: Path) -> None:
    path = _written(tmp_path, b'{"inner": {"count": 3, "share": 1, "is_new": true}}')
    assert KIND.read(path).inner == _Inner(count=3, share=1.0, is_new=True)
