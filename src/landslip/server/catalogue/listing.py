"""The files below the served folder, within bounds, without what leads out of it."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from landslip.core.errors import InputError, excerpt

MAX_DEPTH, MAX_FILES = 8, 20_000
CACHE, REVIEWS = ".landslip", "reviews"
_ID_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInFolder:
    """A regular file: its place below the served folder, and what changes when it does."""

    name: str
    path: Path
    size: int
    changed_ns: int

    @property
    def id(self) -> str:
        """What requests call it."""
        return id_of(self.name)

    @property
    def folder(self) -> str:
        """Name of its folder below the served one; empty for that itself."""
        return self.name.rpartition("/")[0]

    @property
    def stamp(self) -> tuple[str, int, int]:
        """What changes when the file does."""
        return self.name, self.size, self.changed_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Files by name, in order, and what is not among them and why."""

    files: dict[str, FileInFolder]
    problems: dict[str, str]

    def below(self, folder: str, name: str) -> FileInFolder | None:
        """Return a file of a folder."""
        return self.files.get(f"{folder}/{name}" if folder else name)

    def folders_with(self, name: str) -> list[str]:
        """Return the folders that have a file of that name."""
        return [file.folder for file in self.files.values() if file.name.split("/")[-1] == name]


def id_of(name: str) -> str:
    """Return what requests call a file or folder of that name below the served folder."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:_ID_DIGITS]


def list_files(root: Path) -> Listing:
    """List the files below a folder.

    Hidden files and reviews are left out. Links are followed where they stay below the folder.
    Names that are not UTF-8, links that leave it, and what is too deep or too much are problems.
    """
    walk = _Walk(root=root, folders={os.path.realpath(root)})
    while walk.pending and len(walk.files) < MAX_FILES:
        folder, depth = walk.pending.pop()
        for entry in _entries(root / folder, folder, walk.problems):
            name = f"{folder}/{entry.name}" if folder else entry.name
            problem = _take(walk, entry, name, depth)
            if problem is not None:
                walk.problems[excerpt(name, 200)] = problem
            if len(walk.files) >= MAX_FILES:
                walk.problems[root.name] = f"only the first {MAX_FILES:,} files are shown"
                break
    return Listing(files=dict(sorted(walk.files.items())), problems=walk.problems)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What was found so far, and the folders (name, depth) that are still to be looked into."""

    root: Path
    folders: set[str]
    pending: list[tuple[str, int]] = field(default_factory=lambda: [("", 0)])
    files: dict[str, FileInFolder] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def _take(walk: _Walk, entry: "os.DirEntry[str]", name: str, depth: int) -> str | None:
    """Note a file or folder; return why it is not shown, if it is not."""
    if not _is_utf8(name):
        return "its name is not UTF-8; rename it"
    try:
        place = os.path.realpath(entry.path)
        if entry.is_symlink() and not is_below(walk.root, Path(place)):
            return (
                "a link that leaves the served folder and is not followed; copy the file into "
                "the folder, or serve the folder above both"
            )
        facts = entry.stat()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISREG(facts.st_mode):
        walk.files[name] = FileInFolder(
            name=name, path=walk.root / name, size=facts.st_size, changed_ns=facts.st_mtime_ns
        )
    elif stat.S_ISDIR(facts.st_mode) and place not in walk.folders and name != REVIEWS:
        if depth >= MAX_DEPTH:
            return f"is more than {MAX_DEPTH} folders deep, and not shown"
        walk.folders.add(place)
        walk.pending.append((name, depth + 1))
    return None


def is_below(root: Path, place: Path) -> bool:
    """Whether a place without links is a folder or below it."""
    return place == root or root in place.parents


def require_below(root: Path, path: Path) -> None:
    """Refuse a file that is no longer below the served folder, as after it became a link.

    Files beside it that belong to it by their name count too.

    Raises:
        InputError: it, or one of those, leads elsewhere.
    """
    beside = [path, *(one for one in path.parent.glob("*") if _belongs_to(one, path))]
    for one in beside:
        if not is_below(root, Path(os.path.realpath(one))):
            raise InputError(f"{one}: a link that leaves the served folder and is not followed")


def _belongs_to(one: Path, path: Path) -> bool:
    return one.name.startswith((f"{path.stem}.", f"{path.name}-")) and one.is_symlink()


def _entries(path: Path, folder: str, problems: dict[str, str]) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder, sorted, without hidden files."""
    try:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        problems[excerpt(folder or path.name, 200)] = f"cannot be read ({error.strerror})"
        return
    yield from (entry for entry in found if not entry.name.startswith("."))


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
