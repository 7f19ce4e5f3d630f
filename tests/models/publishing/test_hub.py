"""Models sent to and fetched from a stand-in of the hub."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.factories.hub import TOKEN, HubState, hub
from tests.factories.models import WEIGHTS_CONTENT, make_card, write_card
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.core.errors import InputError, ModelError, OutputExistsError
from landslip.models.folder import open_model
from landslip.models.publishing import hub as publishing

pytest.importorskip("huggingface_hub")
# of huggingface_hub's own uploads
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPOSITORY = "me/landslides"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubState]:
    with hub() as state:
        monkeypatch.setenv("HF_ENDPOINT", state.address)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        # the way that the hub has besides plain uploads, and the stand-in has not
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield state


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "MODEL"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(WEIGHTS_CONTENT)
    (folder / "graph.xml").write_text("<net/>")
    (folder / "graph.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "logs").mkdir()
    (folder / "logs" / "events").write_text("private")
    write_card(folder, make_card(), ["weights.safetensors", "graph.xml", "graph.bin"])
    return folder


def test_a_model_comes_back_as_it_was_sent(
    server: HubState, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    sent = publishing.push(model, REPOSITORY, licence="apache-2.0")
    (commit,) = server.commits[REPOSITORY]
    assert sent.commit == commit
    assert server.private[REPOSITORY]
    files = server.commits[REPOSITORY][commit]
    assert sorted(files) == [
        "README.md",
        "graph.bin",
        "graph.xml",
        "model.json",
        "weights.safetensors",
    ]
    assert "license: apache-2.0" in files["README.md"].decode()

    server.add_commit(REPOSITORY, {"graph.xml": b"<another/>"})  # later; the first stays to be had
    out = tmp_path / "OUT"
    fetched = publishing.pull(REPOSITORY, out, revision=commit)
    assert fetched.commit == commit
    assert sorted(path.name for path in out.iterdir()) == sorted(files)
    for name, content in files.items():
        assert (out / name).read_bytes() == content
    assert open_model(out).card == open_model(model).card
    with pytest.raises(OutputExistsError):
        publishing.pull(REPOSITORY, out)


def test_a_private_model_needs_the_token_of_the_environment(
    server: HubState, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="set HF_TOKEN"):
        publishing.push(model, REPOSITORY)
    assert server.requests == []
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(InputError, match="does not accept the token") as caught:
        publishing.push(model, REPOSITORY)
    assert "hf_wrong" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    publishing.push(model, REPOSITORY)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(InputError, match="no such repository or revision, or it is private"):
        publishing.pull(REPOSITORY, tmp_path / "OUT")
    assert not (tmp_path / "OUT").exists()


def test_a_dry_run_asks_nothing(server: HubState, model: Path) -> None:
    result = CliRunner().invoke(app, ["push", str(model), REPOSITORY, "--dry-run"])
    assert result.exit_code == 0, result.output
    assert server.requests == []
    assert "nothing was sent" in result.stdout
    assert "## Intended use" in result.stdout
    assert "logs" not in result.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("model.pt", b"x", "pickles can run any code", id="pickle"),
        pytest.param("run.py", b"x", "has no run.py", id="code"),
        pytest.param("../weights.safetensors", b"x", "has no ../weights", id="outside"),
        pytest.param("model.json", b"{}", "version", id="no card"),
    ],
)
def test_repositories_of_something_else_are_refused(
    name: str, content: bytes, message: str, server: HubState, model: Path, tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
    server.add_commit(REPOSITORY, {**files, ".gitattributes": b"", name: content})
    with pytest.raises(ModelError, match=message):
        publishing.pull(REPOSITORY, tmp_path / "OUT")
    assert not (tmp_path / "OUT").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"MODEL"}


def test_a_card_that_lists_a_file_elsewhere_is_refused(
    server: HubState, model: Path, tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
    card = json.loads(files["model.json"])
    card["files"]["../../secret"] = "0" * 64
    server.add_commit(REPOSITORY, {**files, "model.json": json.dumps(card).encode()})
    with pytest.raises(ModelError, match="secret"):
        publishing.pull(REPOSITORY, tmp_path / "OUT")
    (model / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="secret"):
        publishing.push(model, REPOSITORY, dry_run=True)


def test_a_file_that_changed_on_the_way_is_refused(
    server: HubState, model: Path, tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
    server.add_commit(REPOSITORY, files)
    server.changed["graph.bin"] = bytes(256 * 40)
    with pytest.raises(ModelError, match=r"graph\.bin: the sha256 is not the one"):
        publishing.pull(REPOSITORY, tmp_path / "OUT")
    assert not (tmp_path / "OUT").exists()


def test_a_changed_or_pickled_folder_is_not_sent(model: Path, server: HubState) -> None:
    (model / "graph.bin").write_bytes(b"changed")
    with pytest.raises(ModelError, match="sha256"):
        publishing.push(model, REPOSITORY, dry_run=True)
    (model / "logs" / "last.ckpt").write_bytes(b"")
    with pytest.raises(ModelError, match=r"no pickles.*last\.ckpt"):
        publishing.push(model, REPOSITORY, dry_run=True)
    assert server.requests == []


@pytest.mark.parametrize("name", ["model", "a/b/c", "../x/y", "me/ x", "https://hub/me/x"])
def test_names_that_no_repository_has(name: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["pull", name, str(tmp_path / "OUT")])
    assert result.exit_code == 2
    assert "a repository is owner/name" in result.stderr
