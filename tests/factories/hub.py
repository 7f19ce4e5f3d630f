"""A server on this machine with those addresses of the Hugging Face hub that landslip uses."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_of_the_stand_in"  # noqa: S105 - of this server only


@dataclass
class HubState:
    """Repositories by commit, and what was asked.

    Attributes:
        commits: files of each commit, by ``owner/name`` in the order in which they were made.
        private: whether a repository was made as a private one.
        requests: method, path and whether there was a token.
        changed: bytes to send instead of a file's own.
    """

    address: str = ""
    commits: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    changed: dict[str, bytes] = field(default_factory=dict)

    def add_commit(self, repository: str, files: dict[str, bytes]) -> str:
        """Add a commit with these files over those of the last one; returns its name."""
        commits = self.commits.setdefault(repository, {})
        last = list(commits.values())[-1] if commits else {}
        name = hashlib.sha1(f"{repository}{len(commits)}".encode()).hexdigest()  # noqa: S324
        commits[name] = {**last, **files}
        return name


@contextmanager
def hub() -> Iterator[HubState]:
    """Serve until the block ends."""
    state = HubState()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: HubState
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Print nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, status: int = 200) -> None:
        headers = {"Content-Type": "application/json"}
        if status == 404:
            headers["X-Error-Code"] = "RepoNotFound"
        self._answer(json.dumps(value).encode(), status, headers)

    def _note(self) -> bool:
        """Remember the request; returns whether it has the token."""
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        self.state.requests.append((self.command, self.path, given))
        return given == TOKEN

    def do_POST(self) -> None:
        known, body = self._note(), self._body()
        if not known:
            self._json({"error": "Invalid credentials"}, 401)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            self.state.commits.setdefault(name, {})
            hidden = asked.get("private") or asked.get("visibility") == "private"
            self.state.private.setdefault(name, bool(hidden))
            self._json({"url": f"{self.state.address}/{name}", "name": name})
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "regular" if file["path"].endswith((".json", ".md")) else "lfs",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for file in json.loads(body)["files"]
            ]
            self._json({"files": files})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                {
                    "oid": one["oid"],
                    "size": one["size"],
                    "actions": {"upload": {"href": f"{self.state.address}/lfs/{one['oid']}"}},
                }
                for one in json.loads(body)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", self.path):
            name = self.state.add_commit(match[1], self._committed(body))
            address = f"{self.state.address}/{match[1]}/commit/{name}"
            self._json({"success": True, "commitOid": name, "commitUrl": address})
        else:
            self._json({"error": "not of the stand-in"}, 500)

    def _committed(self, body: bytes) -> dict[str, bytes]:
        files = {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.state.objects[value["oid"]]
        return files

    def do_PUT(self) -> None:
        body, name = self._body(), self.path.removeprefix("/lfs/")
        if hashlib.sha256(body).hexdigest() != name:
            self._json({"error": "not what was announced"}, 400)
            return
        self.state.objects[name] = body
        self._answer(b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        known = self._note()
        path = self.path.split("?")[0]
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            found = self._find(match[1], match[2] or "main", known=known)
            if found is None:
                self._json({"error": "Repository not found"}, 404)
                return
            files = [{"rfilename": file} for file in found[1]]
            self._json({"id": match[1], "sha": found[0], "siblings": files})
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            found = self._find(match[1], match[2], known=known)
            if found is None or match[3] not in found[1]:
                self._json({"error": "Repository not found"}, 404)
                return
            body = self.state.changed.get(match[3], found[1][match[3]])
            tag = hashlib.sha256(body).hexdigest()
            self._answer(body, headers={"ETag": f'"{tag}"', "X-Repo-Commit": found[0]})
        else:
            self._json({"error": "not of the stand-in"}, 500)

    def _find(
        self, repository: str, revision: str, *, known: bool
    ) -> tuple[str, dict[str, bytes]] | None:
        commits = self.state.commits.get(repository)
        if not commits or (self.state.private.get(repository) and not known):
            return None
        name = list(commits)[-1] if revision == "main" else revision
        return (name, commits[name]) if name in commits else None
