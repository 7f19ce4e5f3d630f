"""How the package is built: counts, and the picture of docs/architecture.md.

``python benchmarks/structure.py`` prints the counts of ``src/landslip`` (``--root`` of another
checkout); ``--picture docs/images/architecture.svg`` draws its packages and the imports between
them.
"""

import argparse
import ast
import textwrap
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "landslip"
INK = "#5b7083"


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the package, parsed."""

    name: str
    tree: ast.Module
    lines: int
    is_package: bool

    @property
    def room(self) -> str:
        """The package under the root that it belongs to."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else PACKAGE


def read_modules(root: Path) -> dict[str, Module]:
    """Parse every module under ``root/src``, by dotted name."""
    source, modules = root / "src", {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        name = ".".join(path.relative_to(source).with_suffix("").parts)
        text = path.read_text(encoding="utf-8")
        is_package = path.name == "__init__.py"
        name = name.removesuffix(".__init__")
        modules[name] = Module(name, ast.parse(text), len(text.splitlines()), is_package)
    return modules


def imports_of(module: Module, known: dict[str, Module]) -> set[str]:
    """Return the modules of the package that a module imports, those for type checking left out."""
    skipped = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import) and module.room == "cli":  # the API is exported lazily
            found.update(f"{PACKAGE}.api" for alias in node.names if alias.name == PACKAGE)
        if not isinstance(node, ast.ImportFrom) or node.module is None or id(node) in skipped:
            continue
        for alias in node.names:
            candidates = (f"{node.module}.{alias.name}", node.module)
            found.update([name for name in candidates if name in known][:1])
    return found - {module.name}


def count(root: Path) -> dict[str, int]:
    """Return the counts of a checkout."""
    modules = read_modules(root)
    importers: dict[str, set[str]] = defaultdict(set)
    for module in modules.values():
        for name in imports_of(module, modules):
            importers[name].add(module.name)
    classes = Counter(
        node.name
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    )
    private = once = 0
    for module in modules.values():
        names = _private_functions(module.tree)
        uses = Counter(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Name | ast.Attribute)
        )
        private += len(names)
        once += sum(uses[name] == 1 for name in names)
    real = [module for module in modules.values() if not module.is_package]
    return {
        "modules": len(real),
        "lines": sum(module.lines for module in modules.values()),
        "modules with one importer": sum(len(importers[module.name]) == 1 for module in real),
        "private functions": private,
        "private functions called from one place": once,
        "class names defined more than once": sum(number > 1 for number in classes.values()),
        "packages": len({module.name for module in modules.values() if module.is_package}) - 1,
    }


def _private_functions(tree: ast.Module) -> list[str]:
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [
        node.name
        for body in bodies
        for node in body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("_")
        and not node.name.startswith("__")
    ]


def arrows(modules: dict[str, Module]) -> dict[tuple[str, str], int]:
    """Return how many modules of one room import another room."""
    found: Counter[tuple[str, str]] = Counter()
    for module in modules.values():
        if module.name in (PACKAGE, f"{PACKAGE}.__main__"):
            continue
        rooms = {modules[name].room for name in imports_of(module, modules)}
        found.update((module.room, room) for room in rooms - {module.room, PACKAGE})
    return dict(found)


def layers_of(root: Path) -> list[str]:
    """Return the layers of the import contract, the highest first."""
    with (root / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return next(
        [layer.removeprefix(f"{PACKAGE}.") for layer in contract["layers"]]
        for contract in contracts
        if contract["type"] == "layers"
    )


def reduced(edges: dict[tuple[str, str], int], layers: list[str]) -> list[tuple[str, str]]:
    """Return the arrows that others do not imply; those that point up all stay."""
    rank = {room: -at for at, room in enumerate(layers)}
    up = [edge for edge in edges if rank[edge[0]] <= rank[edge[1]]]
    below: dict[str, set[str]] = defaultdict(set)
    for upper, lower in set(edges) - {*up}:
        below[upper].add(lower)

    def reach(room: str) -> set[str]:
        return below[room].union(*(reach(lower) for lower in below[room]))

    kept = [
        (upper, lower)
        for upper in list(below)
        for lower in list(below[upper])
        if not any(lower in reach(other) for other in below[upper] - {lower})
    ]
    return sorted(kept) + up


def draw(root: Path, picture: Path) -> None:
    """Draw rooms as boxes on their floors, with what is in them, and the arrows between them."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.patches import FancyBboxPatch

    is_svg = picture.suffix == ".svg"
    mpl.rcParams["svg.hashsalt"] = PACKAGE
    mpl.rcParams["svg.fonttype"] = "none"
    modules, layers = read_modules(root), layers_of(root)
    edges = arrows(modules)
    lines: Counter[str] = Counter()
    inside: dict[str, set[str]] = defaultdict(set)
    for module in modules.values():
        lines[module.room] += module.lines
        parts = module.name.split(".")
        if len(parts) > 2:
            inside[module.room].add(parts[2])
    figure, axes = plt.subplots(figsize=(11, 0.8 * len(layers)))
    for at, room in enumerate(layers):
        y = -float(at)
        axes.add_patch(
            FancyBboxPatch(
                (0, y - 0.3),
                9.0,
                0.6,
                boxstyle="round,pad=0.02,rounding_size=0.08",
                facecolor="#eef3f8",
                edgecolor=INK,
                linewidth=0.9,
            )
        )
        names = textwrap.shorten(", ".join(sorted(inside[room])), 118, placeholder=" ...")
        axes.text(0.15, y + 0.09, room, fontsize=11, weight="bold", va="center")
        axes.text(0.15, y - 0.16, names, fontsize=7.5, va="center", color="#333333")
        size = f"{lines[room]:,} lines"
        axes.text(8.85, y + 0.09, size, fontsize=8, ha="right", va="center", color=INK)
    head = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.0}
    lane = 0
    for upper, lower in reduced(edges, layers):
        start, end = -float(layers.index(upper)), -float(layers.index(lower))
        if start - end == 1:
            axes.annotate("", (4.5, end + 0.33), (4.5, start - 0.33), arrowprops=head)
            continue
        lane += 1
        x = 9.1 + 0.25 * lane
        axes.plot([9.02, x, x], [start - 0.1, start - 0.1, end + 0.1], color=INK, linewidth=1.0)
        axes.annotate("", (9.02, end + 0.1), (x, end + 0.1), arrowprops=head)
    axes.set_xlim(-0.1, 9.4 + 0.25 * lane)
    axes.set_ylim(-len(layers) + 0.5, 0.5)
    axes.axis("off")
    figure.savefig(picture, bbox_inches="tight", metadata={"Date": None} if is_svg else None)
    plt.close(figure)


def main() -> None:
    """Print the counts, and draw the picture where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    for name, number in count(asked.root).items():
        print(f"{name:<42} {number:>7,}")
    edges = arrows(read_modules(asked.root))
    print(f"{'packages that import one another':<42} {len(edges):>7,}")
    if (layers := layers_of(asked.root)) and all("." not in layer for layer in layers):
        up = [edge for edge in edges if layers.index(edge[0]) > layers.index(edge[1])]
        print(f"{'imports that point up':<42} {len(up):>7,}")
    print(f"{'layers of the import contract':<42} {len(layers):>7,}")
    if asked.picture is not None:
        draw(asked.root, asked.picture)


if __name__ == "__main__":
    main()
