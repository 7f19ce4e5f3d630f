"""The sentences of all errors that a user can fix, read from the sources."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "landslip"
BASE = "LandslipError"


def error_messages() -> dict[str, list[str]]:
    """Return the sentences by module, such as `preprocessing.product.open`, in their order.

    A value that is filled in is `…`, and the name of an argument that of its option. A module
    whose errors have sentences that are made elsewhere has an empty list.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py")}
    trees = {path: ast.parse(text) for path, text in texts.items() if "Error" in text}
    errors = _kinds(list(trees.values()))
    found: dict[str, list[str]] = {}
    for path, tree in sorted(trees.items()):
        raised = list(_made(tree, errors))
        if raised:
            module = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
            sentences = [_sentence(call.args[0]) for call in raised if call.args]
            whole = [" ".join(one.split()) for one in sentences if one.strip("… ")]
            found[module.removesuffix(".__init__")] = list(dict.fromkeys(whole))
    return found


def _kinds(trees: list[ast.Module]) -> set[str]:
    """Return the names of the base error and of the classes that derive from it."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    kinds = {BASE}
    while more := {name for name, above in bases.items() if above & kinds} - kinds:
        kinds |= more
    return kinds


def _made(tree: ast.Module, errors: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in errors
        ):
            yield node


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_sentence(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _sentence(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _sentence(node.left) + _sentence(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        first = node.args[0] if node.args else None
        if node.func.id == "argument" and isinstance(first, ast.Constant):
            option = "--" + str(first.value).replace("_", "-")
            is_flag = len(node.args) == 1 or _is_constant(node.args[1], True)
            return option if is_flag else f"{option} …"
    return "…"


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
