"""The page of all sentences of errors, so that the search finds the one that somebody has read."""

from error_messages import error_messages

OPENING = """\
The {} sentences with which landslip refuses what a user can fix, by the part that says them. `…` is
filled in with names and values. What to do about the common ones is in
[troubleshooting](../troubleshooting.md)."""


def message_page() -> str:
    """Return the page: the sentences of each part of landslip."""
    parts: dict[str, list[str]] = {}
    for module, sentences in error_messages().items():
        parts.setdefault(".".join(module.split(".")[:2]), []).extend(sentences)
    count = sum(map(len, parts.values()))
    lines = ["# Messages", "", OPENING.format(count)]
    for part, sentences in sorted(parts.items()):
        lines += ["", f"## {part}", ""]
        lines += [f"- `{one.replace('`', chr(39))}`" for one in dict.fromkeys(sentences)]
    return "\n".join(lines) + "\n"
