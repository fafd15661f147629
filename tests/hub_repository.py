"""The repositories of `tests.hub_server`: commits, branches, and what is stored apart."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

Files = Mapping[str, bytes]


@dataclass
class Repository:
    """Commits by hash, and the branches that point at them."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    sdk: str | None = None
    """Of a Space."""
    variables: dict[str, str] = field(default_factory=dict)
    """Of a Space."""

    @property
    def files(self) -> dict[str, bytes]:
        """What is on main."""
        return self.commits[self.branches["main"]]

    def commit(self, files: Files, message: str = "", branch: str = "main") -> str:
        """Put files on top of a branch, return the new commit's hash."""
        tree = {**self.commits.get(self.branches.get(branch, ""), {}), **files}
        blobs = sorted((path, blob_id(content)) for path, content in tree.items())
        commit = hashlib.sha1(f"{len(self.commits)} {blobs}".encode()).hexdigest()
        self.commits[commit] = tree
        self.branches[branch] = commit
        self.messages.append(message)
        return commit

    def find(self, revision: str) -> str | None:
        """The commit that a branch or a hash names."""
        commit = self.branches.get(revision, revision)
        return commit if commit in self.commits else None


def blob_id(content: bytes) -> str:
    """Git's name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def large_id(content: bytes) -> str:
    """The name of what is stored apart."""
    return hashlib.sha256(content).hexdigest()
