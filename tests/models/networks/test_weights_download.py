"""Weights that timm downloads: a server out of reach is found out at once."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import timm
from huggingface_hub import constants
from tests.factories.datasets import make_tile, write_dataset

import landslip
from landslip.core.errors import InputError
from landslip.models.networks import weights_download
from landslip.models.networks.weights_download import make_with_downloaded_weights, why_unreachable


class NotFound(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), NotFound) as httpd:
        Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def closed_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def no_network(closed_port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", closed_port)
    monkeypatch.setattr(weights_download, "_OTHER_SERVER", closed_port)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_any_answer_is_one(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    assert why_unreachable(server) is None


def test_a_proxy_answers_for_the_server(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server)
    assert why_unreachable("http://hub.invalid") is None


def test_a_closed_port(closed_port: str) -> None:
    assert why_unreachable(closed_port) == "127.0.0.1: [Errno 111] Connection refused"


def test_a_proxy_that_is_away(closed_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", closed_port)
    assert why_unreachable("https://hub.invalid") == "127.0.0.1: [Errno 111] Connection refused"


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        time.sleep(1)
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(weights_download, "_CONNECT_TIMEOUT_S", 0.1)
    assert why_unreachable("https://hub.invalid") == "hub.invalid: no answer within 0.1 s"


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_download, "_ANSWER_TIMEOUT_S", 0.1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        problem = why_unreachable(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert problem == "127.0.0.1: timed out"


@pytest.mark.usefixtures("no_network")
def test_weights_without_a_network_are_refused_at_once(caplog: pytest.LogCaptureFixture) -> None:
    message = (
        r"the ImageNet weights of test_resnet cannot be downloaded \(127\.0\.0\.1: .*refused\); "
        "without a network connection pass a local file, encoder_weights='FILE', or train from "
        "scratch, encoder_weights='none'"
    )
    with pytest.raises(InputError, match=message):
        make_with_downloaded_weights(
            "test_resnet", lambda: timm.create_model("test_resnet", pretrained=True)
        )
    assert "Retrying" not in caplog.text
    assert not constants.HF_HUB_OFFLINE


@pytest.mark.usefixtures("no_network")
def test_training_without_a_network_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "model"
    tile = make_tile("a", np.zeros((3, 32, 32), dtype=np.uint8))
    tiles = write_dataset(tmp_path / "tiles", [tile])
    with pytest.raises(InputError, match="weights of resnet34 cannot be downloaded"):
        landslip.train(tiles, out=out, encoder="resnet34")
    with pytest.raises(InputError, match="'resnt34': not a timm backbone; did you mean one of"):
        landslip.train(tiles, out=out, encoder="resnt34")
    with pytest.raises(InputError, match="nowhere: not a dataset"):
        landslip.train(tmp_path / "nowhere", out=out, encoder="resnet34")


@pytest.mark.usefixtures("no_network")
def test_training_from_scratch_needs_no_network(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tiles"):  # the next thing to be looked at
        landslip.train(tmp_path / "tiles", out=tmp_path / "model", encoder_weights="none")
