"""What is kept is taken where it holds still, and measured again where it cannot be read."""

from pathlib import Path

import pytest

from landslip.experiments.cache import read_cache


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param('{"of": 1, "is": [2]}', [2], id="as it was"),
        pytest.param('{"of": 3, "is": [2]}', None, id="of something else"),
        pytest.param('{"of": 1, "is": [2', None, id="half written"),
        pytest.param('{"of": 1}', None, id="without it"),
        pytest.param("[1]", None, id="a list"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="no file"),
    ],
)
def test_kept(tmp_path: Path, content: str | None, found: object) -> None:
    file = tmp_path / "kept.json"
    if content is not None:
        file.write_text(content)
    assert read_cache(file, "is", {"of": 1}) == found
