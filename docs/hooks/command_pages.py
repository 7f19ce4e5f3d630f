"""The reference of the command line, made of the commands themselves."""

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from landslip.cli.app import app
from landslip.cli.usage import EXIT_CODES

EXAMPLE = re.compile(r"^Examples?:\s*(.*)$", re.DOTALL)
FACTS = re.compile(r"\s*\[((?:default|required|env var|x[<>])[^\[\]]*)\]\s*$")


def command_pages() -> dict[str, str]:
    """Return a page for each command, by its name, and `README` for all of them."""
    pages = {name.replace(" ", "-"): command_page(name, command) for name, command in commands()}
    return {"README": overview(), **pages}


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its name, such as `dataset scene`, in the order of the help."""
    yield from _commands(typer.main.get_command(app), "")


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    context = group.context_class(group, info_name="landslip")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def overview() -> str:
    """Return the page of all commands."""
    root: Any = typer.main.get_command(app)
    context = root.context_class(root, info_name="landslip")
    rows = [
        f"| [`landslip {name}`]({name.replace(' ', '-')}.md) | {_first_sentence(command.help)} |"
        for name, command in commands()
    ]
    return "\n".join(
        (
            "# Commands",
            "",
            "Every command has `--help`, with the text of its page here.",
            "",
            "| command | what |",
            "|---|---|",
            *rows,
            "",
            "## Options of `landslip` itself",
            "",
            "They come before the command; `--debug` may be anywhere.",
            "",
            "| option | what | default |",
            "|---|---|---|",
            *(_option_row(one, context) for one in root.params if not one.hidden),
            "",
            "## Exit codes",
            "",
            "| exit code | what |",
            "|---|---|",
            *(f"| {code} | {_cell(text)} |" for code, text in EXIT_CODES.items()),
            "| 3 | `improve`: the model is not better, and none was written |",
        )
    )


def command_page(name: str, command: Any) -> str:
    """Return the page of one command: what it does, examples, arguments and options."""
    context = command.context_class(command, info_name=f"landslip {name}")
    text, examples = described(command.help or "")
    lines = [f"# `landslip {name}`", "", text, ""]
    if examples:
        lines += ["```bash", *examples, "```", ""]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    required = [one.get_help_record(context)[0] for one in options if one.required]
    words = [f"landslip {name}", *map(_usage, arguments), *required, "[OPTIONS]"]
    lines += ["## Usage", "", "```text", " ".join(words), "```", ""]
    if arguments:
        lines += ["## Arguments", "", "| argument | what |", "|---|---|"]
        lines += [f"| `{_usage(one)}` | {_cell(one.help)} |" for one in arguments]
        lines.append("")
    lines += ["## Options", "", "| option | what | default |", "|---|---|---|"]
    lines += [_option_row(one, context) for one in options]
    return "\n".join(lines) + "\n"


def described(text: str) -> tuple[str, list[str]]:
    """Return a help text without its examples, and the command lines of these."""
    paragraphs, examples = [], []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        found = EXAMPLE.match(paragraph.strip())
        if found:
            examples += [" ".join(line.split()) for line in re.findall(r"`([^`]+)`", found[1])]
        else:
            paragraphs.append(paragraph)
    return "\n\n".join(paragraphs), examples


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _usage(argument: Any) -> str:
    name = str(argument.name).upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option_row(option: Any, context: Any) -> str:
    called, text = option.get_help_record(context)
    facts: list[str] = []
    while found := FACTS.search(text):
        facts += re.split(r"; (?=default: |env var: |required)", found[1])
        text = text[: found.start()]
    default = "required" if option.required else ""
    for fact in facts:
        if fact.startswith("default: "):
            default = _cell(fact.removeprefix("default: "))
        elif fact != "required":
            text += f" ({fact})"
    repeated = " May be given several times." if option.multiple else ""
    return f"| `{_cell(called)}` | {_cell(text)}{repeated} | {default} |"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("*", "\\*")
