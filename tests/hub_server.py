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
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest

from tests.hub_repository import Files, Repository, blob_id, large_id

TOKEN = "hf_of_the_owner"


class HubServer:
    """Serves its `repositories` on `url` between entering and leaving a `with` block."""

    def __init__(self) -> None:
        # By address: `owner/name` of a model, `datasets/owner/name`, `spaces/owner/name`.
        self.repositories: dict[str, Repository] = {}
        # Files with these endings are stored apart, by their hash.
        self.large_suffixes: tuple[str, ...] = (".safetensors", ".zip", ".opus", ".flac")
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []  # method and path of every request so far
        self.broken = False  # answer everything with 500
        self.lost_commits = 0  # so many of the next commits get no answer: the connection breaks
        handler = type("Handler", (_Handler,), {"hub": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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
        for name, value in {
            "ENDPOINT": self.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": self.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(folder / "cache"),
            "HF_TOKEN_PATH": str(folder / "no-token"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,  # Git LFS instead
        }.items():
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.delenv("HF_TOKEN", raising=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


_ID = r"(?P<repo>[\w.-]+/[\w.-]+)"
_API = rf"/api/(?P<kind>model|dataset|space)s/{_ID}"
_AT = rf"/(?P<kind>datasets/|spaces/)?{_ID}"
_ROUTES = {
    rf"(GET|HEAD) {_API}(/revision/(?P<revision>.+))?": "info",
    rf"(GET|HEAD) {_API}/tree/(?P<revision>[^/]+)": "tree",
    rf"(GET|HEAD) {_AT}/resolve/(?P<revision>[^/]+)/(?P<path>.+)": "file",
    r"POST /api/repos/create": "create",
    r"POST /api/validate-yaml": "validate_card",
    rf"POST {_API}/preupload/(?P<revision>.+)": "preupload",
    rf"POST {_AT}\.git/info/lfs/objects/batch": "batch",
    r"PUT /stored/(?P<name>\w+)": "store",
    rf"POST {_API}/commit/(?P<revision>.+)": "commit",
    r"POST /api/(?P<kind>space)s/" + _ID + "/variables": "variable",
}
_OF_THE_OWNER = {"create", "preupload", "batch", "commit", "variable"}
_PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        request = f"{self.command} {unquote(urlsplit(self.path).path)}"
        body = self._read_body()
        self.hub.requests.append(request)
        try:
            if self.hub.broken:
                raise _Refusal(500, "", "Out of order")
            for pattern, name in _ROUTES.items():
                if match := re.fullmatch(pattern, request):
                    known = match.groupdict()
                    kind = known.pop("kind", None)
                    if "repo" in known:
                        known["repo"] = _PREFIXES.get(kind or "model", kind) + known["repo"]
                    if name in _OF_THE_OWNER and not self.is_owner:
                        raise _Refusal(401, "", "Invalid username or password.")
                    getattr(self, f"_{name}")(body, **known)
                    return
            raise _Refusal(404, "", f"This Hub knows no {request}")
        except _Refusal as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            self._send_json({"error": refusal.message}, refusal.status, headers)

    do_HEAD = do_POST = do_PUT = do_GET

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
        content = repository.commits[commit].get(path)
        if content is None:
            raise _Refusal(404, "EntryNotFound", "Entry not found")
        self._send(content, 200, {"ETag": f'"{blob_id(content)}"', "X-Repo-Commit": commit})

    def _create(self, body: bytes) -> None:
        wanted = json.loads(body)
        name = f"{wanted['organization']}/{wanted['name']}"
        if wanted["organization"] == "them":
            raise _Refusal(403, "", "You don't have the rights to create a repo for them")
        repo = _PREFIXES[wanted.get("type", "model")] + name
        url = f"{self.hub.url}/{repo}"
        if repo in self.hub.repositories:
            self._send_json({"error": "You already created this repo", "url": url}, 409)
            return
        made = Repository(wanted.get("visibility") == "private", sdk=wanted.get("sdk"))
        made.commit({".gitattributes": b""}, "initial commit")
        self.hub.repositories[repo] = made
        self._send_json({"url": url, "name": name})

    def _validate_card(self, body: bytes) -> None:
        is_good = json.loads(body)["content"].startswith("---\n")
        errors = [] if is_good else [{"message": "no metadata"}]
        self._send_json({"warnings": [], "errors": errors}, 200 if is_good else 400)

    def _preupload(self, body: bytes, repo: str, revision: str) -> None:
        repository, commit = self._open(repo, revision)
        answers = []
        for path in (file["path"] for file in json.loads(body)["files"]):
            is_large = path.endswith(self.hub.large_suffixes)
            there = repository.commits[commit].get(path)
            name_of, mode = (large_id, "lfs") if is_large else (blob_id, "regular")
            known = {} if there is None else {"oid": name_of(there)}
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **known})
        self._send_json({"files": answers})

    def _batch(self, body: bytes, repo: str) -> None:
        self._open(repo, "main")
        answers = json.loads(body)["objects"]
        for wanted in answers:
            if wanted["oid"] not in self.hub.large:
                href = f"{self.hub.url}/stored/{wanted['oid']}"
                wanted["actions"] = {"upload": {"href": href}}
        self._send_json({"transfer": "basic", "objects": answers})

    def _store(self, body: bytes, name: str) -> None:
        if large_id(body) != name:
            raise _Refusal(400, "", "Another file was announced")
        self.hub.large[name] = body
        self._send_json({})

    def _variable(self, body: bytes, repo: str) -> None:
        repository, _ = self._open(repo, "main")
        wanted = json.loads(body)
        repository.variables[wanted["key"]] = wanted["value"]
        self._send_json({key: {"value": one} for key, one in repository.variables.items()})

    def _commit(self, body: bytes, repo: str, revision: str) -> None:
        repository, _ = self._open(repo, revision)
        if self.hub.lost_commits:
            self.hub.lost_commits -= 1
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
                files[value["path"]] = self.hub.large[value["oid"]]
            else:
                raise _Refusal(400, "", f"This Hub takes no {operation['key']}")
        commit = repository.commit(files, message, revision)
        url = f"{self.hub.url}/{repo}/commit/{commit}"
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
        repository = self.hub.repositories.get(repo)
        if repository is None or (repository.private and not self.is_owner):
            status = 404 if self.is_owner else 401
            raise _Refusal(status, "RepoNotFound", "Repository not found")
        if repository.gated and not self.is_owner:
            raise _Refusal(403, "GatedRepo", "Access to this model is restricted")
        commit = repository.find(revision)
        if commit is None:
            raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repository, commit

    @property
    def is_owner(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _send_json(self, value: Any, status: int = 200, headers: Any = None) -> None:
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
