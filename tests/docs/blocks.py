"""Blocks of code of the pages, with what the comment before each says of running it."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
MARKED = tuple(
    f"docs/{folder}/" for folder in ("tutorials", "howto", "explanation", "notebooks", "zh")
)
"""Folders of pages on which every block says whether it is run."""
LANGUAGES = ("bash", "console", "python")
FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>```+|~~~+)\s*(?P<language>[\w+-]*)(?P<rest>.*)$")
RUN = re.compile(r"<!--\s*run:\s*(?P<folder>[\w-]+)\s*(?:;(?P<changes>.*?))?-->\s*$", re.DOTALL)
NOT_RUN = re.compile(r"<!--\s*not run:\s*(?P<reason>.+?)\s*-->\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run the block in a folder, with words of it changed."""

    folder: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRun:
    """Do not run the block."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; ``line`` is its first, from 1, and ``marker`` None where no comment is."""

    page: str
    line: int
    language: str
    text: str
    marker: Run | NotRun | None

    @property
    def place(self) -> str:
        """Page and line, as editors open them."""
        return f"{self.page}:{self.line}"

    @property
    def needs_marker(self) -> bool:
        """Whether pages of its folder say of each such block whether it is run."""
        return self.language in LANGUAGES and self.page.startswith(MARKED)

    @property
    def run_text(self) -> str:
        """The text with the changes of its marker.

        Raises:
            ValueError: words that are to be changed are not in it.
        """
        text = self.text
        for old, new in self.marker.changes if isinstance(self.marker, Run) else ():
            if old not in text:
                raise ValueError(f"{self.place}: {old!r} is not in the block")
            text = text.replace(old, new)
        return text


def all_pages() -> list[Path]:
    """Return the README and the pages of the site."""
    return [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]


def page_blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    return blocks_of(path.read_text(encoding="utf-8"), path.relative_to(REPOSITORY).as_posix())


def blocks_of(text: str, page: str) -> list[Block]:
    """Return the fenced blocks of a page's text in their order.

    Raises:
        ValueError: a block is not closed, or a comment says to run what is no code.
    """
    blocks, lines, at = [], text.split("\n"), 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        if opening is None:
            at += 1
            continue
        closing = opening["indent"] + opening["fence"]
        end = next((i for i in range(at + 1, len(lines)) if lines[i].rstrip() == closing), None)
        if end is None:
            raise ValueError(f"{page}:{at + 1}: the block is not closed")
        inside = [line.removeprefix(opening["indent"]) for line in lines[at + 1 : end]]
        marker = _marker("\n".join(lines[max(0, at - 4) : at]))
        if marker is not None and opening["language"] not in LANGUAGES:
            raise ValueError(f"{page}:{at + 1}: blocks that run are {', '.join(LANGUAGES)}")
        blocks.append(
            Block(
                page=page,
                line=at + 1,
                language=opening["language"],
                text="\n".join(inside) + "\n",
                marker=marker,
            )
        )
        at = end + 1
    return blocks


def prose_of(text: str) -> str:
    """Return a page's text without its fenced blocks."""
    kept, closing = [], None
    for line in text.split("\n"):
        opening = FENCE.match(line)
        if closing is not None:
            closing = None if line.rstrip() == closing else closing
        elif opening is not None:
            closing = opening["indent"] + opening["fence"]
        else:
            kept.append(line)
    return "\n".join(kept)


def _marker(before: str) -> Run | NotRun | None:
    last = before[before.rfind("<!--") :] if "<!--" in before else ""
    if found := NOT_RUN.match(last.strip()):
        return NotRun(reason=" ".join(found["reason"].split()))
    if found := RUN.match(last.strip()):
        changes = [one for one in (found["changes"] or "").split(";") if one.strip()]
        pairs = [tuple(word.strip() for word in one.split("=>")) for one in changes]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"a change is 'words => other words'; got {found['changes']!r}")
        return Run(folder=found["folder"], changes=tuple((old, new) for old, new in pairs))
    return None
