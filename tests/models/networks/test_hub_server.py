"""Encoder weights from the Hub, by its own client, from a server of ours."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants
from torch import Tensor

from landslip.core.errors import InputError
from landslip.models.networks.encoder import load_backbone

ENCODER = "test_resnet"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATH = "folder/w.safetensors"
LEVELS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(8)
    return dict(timm.create_model(ENCODER, in_chans=4, num_classes=0).state_dict())


@pytest.fixture
def requested(
    tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Serve a file of four bands in ``owner/name``, main and v2; give what is asked for."""
    header = {"encoder": ENCODER, "bands": "blue,green,red,nir"}
    content = safetensors.torch.save(tensors, header)
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def _answer(self, *, with_content: bool) -> None:
            asked.append(f"{self.command} {self.path}")
            known = [f"/owner/name/resolve/{name}/{PATH}" for name in ("main", "v2")]
            if self.path not in known:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_content:
                self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield asked
        server.shutdown()


@pytest.mark.parametrize(("suffix", "revision"), [("", "main"), ("@v2", "v2")])
def test_a_file_of_the_hub_is_downloaded_once(
    suffix: str, revision: str, tensors: dict[str, Tensor], requested: list[str]
) -> None:
    weights = f"hf-hub:owner/name/{PATH}{suffix}"
    for _ in range(2):
        encoder = load_backbone(ENCODER, weights, LEVELS)
    assert encoder.bands == ("blue", "green", "red", "nir")
    state = encoder.network.state_dict()
    assert all(torch.equal(state[name], tensors[name]) for name in state)
    fetched = [one for one in requested if one.startswith("GET")]
    assert fetched == [f"GET /owner/name/resolve/{revision}/{PATH}"]


@pytest.mark.usefixtures("requested")
def test_a_file_that_the_hub_does_not_have() -> None:
    message = r"owner/name/other\.pth cannot be downloaded from the Hugging Face Hub \(.*404"
    with pytest.raises(InputError, match=message):
        load_backbone(ENCODER, "hf-hub:owner/name/other.pth", LEVELS)
