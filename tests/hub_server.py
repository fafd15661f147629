"""A Hugging Face Hub on this machine, in memory: what huggingface_hub 2.4 asks of it.

It speaks the read side (repository, tree and file requests) and the write side (create, preupload,
large files by Git LFS, commit, a Space's variables), for models, datasets and Spaces, with commits,
branches, private repositories and the error codes the client tells apart.
"""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest

from tests.hub_repository import Files, Repository, blob_id, large_id

TOKEN = "hf_of_the_owner"


class HubServer:
    """Serves its `repositories` on `url` between entering and leaving a `with` block."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        """By address: `owner/name` of a model, `datasets/owner/name`, `spaces/owner/name`."""
        self.large_suffixes: tuple[str, ...] = ()
        """Files with these endings are stored apart."""
        self.large: dict[str, bytes] = {}
        """What is stored apart, by name."""
        self.requests: list[str] = []
        """Method and path of every request so far."""
        self.broken = False
        """Answer everything with 500."""
        self.lost_commits = 0
        """So many of the next commits get no answer: the connection breaks."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """What HF_ENDPOINT should be."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def add(
        self, repo_id: str, files: Files, *, private: bool = False, gated: bool = False
    ) -> Repository:
        """Make a repository with one commit on main."""
        repository = Repository(private, gated)
        repository.commit(files)
        self.repositories[repo_id] = repository
        return repository

    def be_the_hub(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Let huggingface_hub ask here, nobody logged in, with an empty cache in `folder`."""
        constants = huggingface_hub.constants
        pattern = self.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", self.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", pattern)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # Git LFS instead
        monkeypatch.delenv("HF_TOKEN", raising=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


_ID = r"(?P<repo>[\w.-]+/[\w.-]+)"
_API = rf"/api/(?P<kind>model|dataset|space)s/{_ID}"
_AT = rf"/(?P<kind>datasets/|spaces/)?{_ID}"
_READ = {
    re.compile(rf"{_API}(/revision/(?P<revision>.+))?"): "info",
    re.compile(rf"{_API}/tree/(?P<revision>[^/]+)"): "tree",
    re.compile(rf"{_AT}/resolve/(?P<revision>[^/]+)/(?P<path>.+)"): "file",
}
_WRITE = {
    re.compile(r"/api/repos/create"): "create",
    re.compile(r"/api/validate-yaml"): "validate_card",
    re.compile(rf"{_API}/preupload/(?P<revision>.+)"): "preupload",
    re.compile(rf"{_AT}\.git/info/lfs/objects/batch"): "batch",
    re.compile(r"/stored/(?P<name>\w+)"): "store",
    re.compile(rf"{_API}/commit/(?P<revision>.+)"): "commit",
    re.compile(rf"/api/(?P<kind>space)s/{_ID}/variables"): "variable",
}
_PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}


def _handler_of(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

        def do_HEAD(self) -> None:
            self._answer(_READ, b"")

        def do_GET(self) -> None:
            self._answer(_READ, b"")

        def do_POST(self) -> None:
            self._answer(_WRITE, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_PUT(self) -> None:
            self._answer(_WRITE, self._read_body())

        def _answer(self, routes: dict[re.Pattern[str], str], body: bytes) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            try:
                if hub.broken:
                    raise _Refusal(500, "", "Out of order")
                for pattern, name in routes.items():
                    if match := pattern.fullmatch(path):
                        known = match.groupdict()
                        kind = known.pop("kind", None)
                        if "repo" in known:
                            known["repo"] = _PREFIXES.get(kind or "model", kind) + known["repo"]
                        getattr(self, f"_{name}")(body, **known)
                        return
                raise _Refusal(404, "", f"This Hub knows no {self.command} {path}")
            except _Refusal as refusal:
                self._send_json(
                    {"error": refusal.message},
                    refusal.status,
                    {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message},
                )

        def _info(self, body: bytes, repo: str, revision: str | None) -> None:
            repository, commit = self._open(repo, revision or "main")
            files = [{"rfilename": path} for path in repository.commits[commit]]
            name = "/".join(repo.split("/")[-2:])
            info = {"_id": "1", "id": name, "sha": commit, "private": repository.private}
            self._send_json({**info, "siblings": files, "tags": [], "downloads": 0, "likes": 0})

        def _tree(self, body: bytes, repo: str, revision: str) -> None:
            repository, commit = self._open(repo, revision)
            self._send_json(
                [
                    {"type": "file", "path": path, "size": len(file), "oid": blob_id(file)}
                    for path, file in repository.commits[commit].items()
                ]
            )

        def _file(self, body: bytes, repo: str, revision: str, path: str) -> None:
            repository, commit = self._open(repo, revision)
            if path not in repository.commits[commit]:
                raise _Refusal(404, "EntryNotFound", "Entry not found")
            content = repository.commits[commit][path]
            headers = {"ETag": f'"{blob_id(content)}"', "X-Repo-Commit": commit}
            self._send(content, 200, headers)

        def _create(self, body: bytes) -> None:
            self._must_be_owner()
            wanted = json.loads(body)
            name = f"{wanted['organization']}/{wanted['name']}"
            if wanted["organization"] == "them":
                raise _Refusal(403, "", "You don't have the rights to create a repo for them")
            repo = _PREFIXES[wanted.get("type", "model")] + name
            if repo in hub.repositories:
                url = f"{hub.url}/{repo}"
                self._send_json({"error": "You already created this repo", "url": url}, 409)
                return
            hub.repositories[repo] = Repository(
                wanted.get("visibility") == "private", sdk=wanted.get("sdk")
            )
            hub.repositories[repo].commit({".gitattributes": b""}, "initial commit")
            self._send_json({"url": f"{hub.url}/{repo}", "name": name})

        def _validate_card(self, body: bytes) -> None:
            if not json.loads(body)["content"].startswith("---\n"):
                self._send_json({"warnings": [], "errors": [{"message": "no metadata"}]}, 400)
                return
            self._send_json({"warnings": [], "errors": []})

        def _preupload(self, body: bytes, repo: str, revision: str) -> None:
            self._must_be_owner()
            repository, commit = self._open(repo, revision)
            answers = []
            for path in (file["path"] for file in json.loads(body)["files"]):
                is_large = path.endswith(hub.large_suffixes)
                there = repository.commits[commit].get(path)
                mode = {"uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}
                name = large_id if is_large else blob_id
                oid = {} if there is None else {"oid": name(there)}
                answers.append({"path": path, **mode, **oid})
            self._send_json({"files": answers})

        def _batch(self, body: bytes, repo: str) -> None:
            self._must_be_owner()
            self._open(repo, "main")
            answers = []
            for wanted in json.loads(body)["objects"]:
                href = f"{hub.url}/stored/{wanted['oid']}"
                to_do = {} if wanted["oid"] in hub.large else {"upload": {"href": href}}
                answers.append({**wanted, **({"actions": to_do} if to_do else {})})
            self._send_json({"transfer": "basic", "objects": answers})

        def _store(self, body: bytes, name: str) -> None:
            if large_id(body) != name:
                raise _Refusal(400, "", "Another file was announced")
            hub.large[name] = body
            self._send_json({})

        def _variable(self, body: bytes, repo: str) -> None:
            self._must_be_owner()
            repository, _ = self._open(repo, "main")
            wanted = json.loads(body)
            repository.variables[wanted["key"]] = wanted["value"]
            self._send_json({key: {"value": one} for key, one in repository.variables.items()})

        def _commit(self, body: bytes, repo: str, revision: str) -> None:
            self._must_be_owner()
            repository, _ = self._open(repo, revision)
            if hub.lost_commits:
                hub.lost_commits -= 1
                self.close_connection = True
                return
            files, message = {}, ""
            for operation in map(json.loads, body.splitlines()):
                value = operation["value"]
                if operation["key"] == "header":
                    message = value["summary"]
                elif operation["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif operation["key"] == "lfsFile":
                    files[value["path"]] = hub.large[value["oid"]]
                else:
                    raise _Refusal(400, "", f"This Hub takes no {operation['key']}")
            commit = repository.commit(files, message, revision)
            url = f"{hub.url}/{repo}/commit/{commit}"
            self._send_json({"success": True, "commitOid": commit, "commitUrl": url})

        def _read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _open(self, repo: str, revision: str) -> tuple[Repository, str]:
            repository = hub.repositories.get(repo)
            if repository is None or (repository.private and not self._is_owner()):
                status = 404 if self._is_owner() else 401
                raise _Refusal(status, "RepoNotFound", "Repository not found")
            if repository.gated and not self._is_owner():
                raise _Refusal(403, "GatedRepo", "Access to this model is restricted")
            commit = repository.find(revision)
            if commit is None:
                raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return repository, commit

        def _is_owner(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {TOKEN}"

        def _must_be_owner(self) -> None:
            if not self._is_owner():
                raise _Refusal(401, "", "Invalid username or password.")

        def _send_json(
            self, value: Any, status: int = 200, headers: dict[str, str] | None = None
        ) -> None:
            headers = {"Content-Type": "application/json", **(headers or {})}
            self._send(json.dumps(value).encode(), status, headers)

        def _send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler
