"""How large each package of an environment is: ``ENVIRONMENT/bin/python release/sizes.py``.

Bytes of the files that the installer wrote, without compiled bytecode; and who needs a package.
"""

import re
from importlib.metadata import Distribution, distributions


def size_mb(distribution: Distribution) -> float:
    """Return megabytes of a package's files."""
    files = [file.locate() for file in distribution.files or () if file.suffix != ".pyc"]
    return sum(file.stat().st_size for file in files if file.exists()) / 1e6


def needs(distribution: Distribution) -> set[str]:
    """Return the packages that a package needs, without those of its extras."""
    lines = [line for line in distribution.requires or () if "extra ==" not in line]
    return {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in lines}


def main() -> None:
    """Print the table."""
    known = {one.metadata["Name"].lower().replace("_", "-"): one for one in distributions()}
    users: dict[str, list[str]] = {name: [] for name in known}
    for name, one in known.items():
        for needed in needs(one) & set(known):
            users[needed].append(name)
    sizes = sorted(((size_mb(one), name) for name, one in known.items()), reverse=True)
    print("| package | MB | needed by |\n|---|---|---|")
    for size, name in sizes:
        if size >= 2:
            print(f"| {name} | {size:.0f} | {', '.join(sorted(users[name]))} |")
    print(f"| all {len(sizes)} | {sum(size for size, _ in sizes):.0f} | |")


if __name__ == "__main__":
    main()
