import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.server.served import client_of, ids_of, write_squares

from landslip.core.errors import InputError
from landslip.server.options import ServeOptions, is_loopback
from landslip.server.security import MAX_BODY_BYTES

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    write_squares(folder / "squares.gpkg", 9)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with client_of(folder) as client:
        yield client


@pytest.fixture(scope="module")
def place(client: TestClient) -> str:
    return f"/api/inventories/{ids_of(client)['inventories squares.gpkg']}"


HOSTILE_PATHS = [
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/assets/../../../../etc/passwd",
    "/assets/%2e%2e%5c%2e%2e/app.py",
    "//etc/passwd",
    "/etc/passwd",
    "/api/../api/inventories/etc",
    "/api/inventories/..%2f..%2fetc%2fpasswd",
    "/api/inventories/%2fvsicurl%2fhttp:%2f%2f127.0.0.1:1%2fx.gpkg",
    "/api/inventories/%2Fetc%2Fpasswd/features",
    "/api/rasters/%2fvsicurl%2fhttp%3a%2f%2f127.0.0.1%3a1%2fx.tif/tiles/1/0/0",
    "/api/rasters/squares.gpkg",
    "/api/rasters/" + "a" * 64,
    "/api/rasters/%00",
    "/api/inventories/%ff%fe",
    "/page.py",
]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_no_path_of_a_request_is_opened(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (404, 422), response.text
    assert response.headers["content-type"] == PROBLEM
    assert "root:" not in response.text
    assert "import" not in response.text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("limit=1001", "1000"),
        ("limit=-1", "0"),
        ("limit=nan", "integer"),
        ("offset=1e9", "integer"),
        ("offset=99999999999999999999", "10000000"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,5,2,3", "bbox"),
        ("bbox=inf,0,1,1", "bbox"),
        ("range=area_m2", "column:low:high"),
        ("range=area_m2:nan:", "finite"),
        ("range=area_m2:1e999:", "finite"),
        ("range=nothing:1:2", "no column"),
        ("sort=nothing", "no column"),
        ("sort=" + "a" * 101, "100"),
        ("text=" + "a" * 201, "200"),
        ("verdict=perhaps", "unreviewed"),
        ("&".join(["range=id:1:2"] * 21), "20"),
    ],
)
def test_queries_are_bounded(client: TestClient, place: str, query: str, why: str) -> None:
    response = client.get(f"{place}/features?{query}")
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert why in response.json()["detail"]


@pytest.mark.parametrize(
    "tile", ["25/0/0", "-1/0/0", "3/8/0", "3/0/8", "1.5/0/0", "1/a/0", "99999999999/0/0"]
)
def test_tiles_that_are_not_on_the_grid(client: TestClient, place: str, tile: str) -> None:
    response = client.get(f"{place}/tiles/{tile}")
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == PROBLEM


def test_a_problem_says_what_and_where_in_one_record(client: TestClient, place: str) -> None:
    response = client.get(f"{place}/features/77")
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "77: squares.gpkg has no polygon of that number",
    }
    assert client.post("/api/workspace").headers["content-type"] == PROBLEM
    assert client.delete(f"{place}/features").json()["status"] in (404, 405)


def test_every_response_has_the_headers_of_security(client: TestClient) -> None:
    for path in ("/", "/api/workspace", "/api/docs", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_a_basemap_is_the_only_other_place_that_the_page_may_load_from(folder: Path) -> None:
    with client_of(folder, basemap="https://tiles.example:8443/{z}/{x}/{y}.png") as client:
        policy = client.get("/").headers["content-security-policy"]
        assert "img-src 'self' data: blob: https://tiles.example:8443;" in policy
        assert client.get("/api/workspace").json()["basemap"].endswith("{y}.png")


@pytest.mark.parametrize(
    "basemap",
    [
        "javascript:alert(1)",
        "https://a.example/x",
        "https://a b/{z}/{x}/{y}",
        "https://a;script-src *.b/{z}/{x}/{y}",
        "file:///{z}/{x}/{y}",
    ],
)
def test_a_basemap_is_an_address_of_tiles(folder: Path, basemap: str) -> None:
    with pytest.raises(InputError, match="an address of tiles is needed"):
        ServeOptions(folder=folder, basemap=basemap)


def test_the_description_of_the_api_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/api/docs").text
    assert "/api/inventories/{inventory}/features" in page
    assert "<script" not in page
    assert "http" not in page.replace("https://www.rfc", "")
    assert client.get("/api/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "",
        "localhost@evil.example",
        "[::1",
        "10.0.0.1",
    ],
)
def test_another_name_that_leads_here_is_refused(client: TestClient, host: str) -> None:
    response = client.get("/api/workspace", headers={"Host": host})
    assert response.status_code == 421
    assert "allow-host" in response.json()["detail"]


@pytest.mark.parametrize(
    "host", ["localhost:9", "127.0.0.1", "127.9.9.9:1", "[::1]:8000", "a.localhost"]
)
def test_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/workspace", headers={"Host": host}).status_code == 200


def test_names_that_are_allowed_and_addresses_of_an_open_server(folder: Path) -> None:
    with client_of(folder, names=("maps.example",)) as client:
        assert client.get("/api/jobs", headers={"Host": "maps.example"}).status_code == 200
    with client_of(folder, host="0.0.0.0", token=TOKEN) as client:  # noqa: S104
        assert client.get("/api/jobs", headers={"Host": "10.1.2.3:8000"}).status_code == 200
        assert client.get("/api/jobs", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:8001", 403),
        ("http://evil.example", 403),
        ("https://127.0.0.1:8001", 403),
        ("null", 403),
        ("file://", 403),
        ("http://[", 403),
    ],
)
def test_pages_of_other_sites_may_not_write(tmp_path: Path, origin: str, status: int) -> None:
    write_squares(tmp_path / "squares.gpkg", 4)
    with client_of(tmp_path) as client:
        place = f"/api/inventories/{ids_of(client)['inventories squares.gpkg']}"
        response = client.post(
            f"{place}/review", json={"author": "Ann"}, headers={"Origin": origin}
        )
        assert response.status_code == status, response.text
        assert (tmp_path / "reviews").exists() == (status == 200)


def test_a_simple_request_of_another_site_is_refused(client: TestClient, place: str) -> None:
    response = client.post(
        f"{place}/review", json={"author": "Ann"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 403


def test_writing_needs_the_token_and_reading_does_not(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 4)
    with client_of(tmp_path, host="0.0.0.0", token=TOKEN) as client:  # noqa: S104
        assert client.get("/api/workspace").json()["token_needed"] is True
        place = f"/api/inventories/{ids_of(client)['inventories squares.gpkg']}"
        for given in (
            "",
            "Bearer",
            "Bearer wrong",
            f"Basic {TOKEN}",
            f"Bearer {TOKEN}x",
            "Bearer é",
        ):
            response = client.post(
                f"{place}/review",
                json={"author": "Ann"},
                headers={b"Authorization": given.encode()},
            )
            assert response.status_code == 401, given
        assert not (tmp_path / "reviews").exists()
        right = {"Authorization": f"Bearer {TOKEN}"}
        response = client.post(f"{place}/review", json={"author": "Ann"}, headers=right)
        assert response.status_code == 200, response.text


def test_a_token_is_made_where_others_reach_the_server(folder: Path) -> None:
    assert ServeOptions(folder=folder).with_token().token is None
    made = {ServeOptions(folder=folder, host="0.0.0.0").with_token().token for _ in range(3)}  # noqa: S104
    assert len(made) == 3
    assert all(token and len(token) >= 32 for token in made)
    assert TOKEN not in repr(ServeOptions(folder=folder, token=TOKEN))
    with pytest.raises(InputError, match="at least 8"):
        ServeOptions(folder=folder, token="short")  # noqa: S106 - none


def test_a_server_that_only_shows_writes_nothing(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 4)
    with client_of(tmp_path, read_only=True) as client:
        place = f"/api/inventories/{ids_of(client)['inventories squares.gpkg']}"
        response = client.post(f"{place}/review", json={"author": "Ann"})
        assert response.status_code == 403
        assert "--read-only" in response.json()["detail"]
        assert client.get("/api/workspace").json()["read_only"] is True
    assert [one.name for one in tmp_path.iterdir()] == ["squares.gpkg"]


def test_a_body_that_is_too_large_is_refused_while_it_comes(client: TestClient, place: str) -> None:
    response = client.post(f"{place}/review", content=b" " * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413
    sent = []

    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            sent.append(1)
            yield b" " * 2**20

    response = client.post(
        f"{place}/review", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413
    assert response.headers["content-type"] == PROBLEM


def test_an_address_that_is_too_long_is_refused(client: TestClient) -> None:
    assert client.get("/api/workspace?" + "a" * 20_000).status_code == 414


def test_a_fault_of_the_server_shows_nothing_of_it(folder: Path) -> None:
    with client_of(folder) as client:

        def fail() -> None:
            raise RuntimeError("secret of the inside")

        client.app.state.server.folder.catalogue = fail  # type: ignore[attr-defined]
        response = client.get("/api/workspace")
        assert response.status_code == 500
        assert response.headers["content-type"] == PROBLEM
        assert "secret" not in response.text
        assert "nosniff" in response.headers.get("x-content-type-options", "")


def test_which_addresses_are_of_this_machine_alone() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "::1", "[::1]", "127.8.8.8")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "maps.example", "localhost.x")))  # noqa: S104


@pytest.mark.parametrize(
    ("number", "status", "why"),
    [
        (errno.EROFS, 422, "reviews: access denied (Read-only file system); change its"),
        (errno.ENOSPC, 422, "reviews: cannot be written to its end (No space left on device)"),
        (errno.EBADF, 500, "a fault of the server"),
    ],
)
def test_what_the_disk_refuses_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int, why: str
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    with client_of(folder) as client:
        place = f"/api/inventories/{ids_of(client)['inventories squares.gpkg']}/review"
        monkeypatch.setattr(Path, "mkdir", refuse)
        answer = client.post(place, json={"author": "Ann"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert why in answer.json()["detail"].replace("reviews/squares.gpkg", "reviews")
