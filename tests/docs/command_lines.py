"""The command lines of `landslip` in blocks and prose, parsed by the commands themselves."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer.main

from landslip.cli.app import app

ROOT = typer.main.get_command(app)
USAGE_ERROR: Any = typer.BadParameter.__base__
MENTION = re.compile(r"(?<!`)`(landslip [^`]+)`(?!`)")
BEFORE = ("do", "then", "time", "nohup", "sudo", "!")
SEPARATORS = set("();<>|&")


def console_commands(text: str) -> str:
    """Return the commands of a console: lines after `$ `, and those that continue them."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith("$ "):
            lines.append(line[2:])
        elif lines and lines[-1].endswith("\\"):
            lines.append(line.removeprefix("> "))
    return "\n".join(lines) + "\n"


def landslip_lines(shell: str) -> Iterator[list[str]]:
    """Yield the words after `landslip` of each of its command lines in a shell script."""
    shell = re.sub(r"\\\n", " ", shell)
    for line in shell.split("\n"):
        yield from _commands(line)


def _commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in [*lexer, ";"]:
        if not set(word) <= SEPARATORS:
            if not redirected:
                words.append(word)
            redirected = False
            continue
        redirected = set(word) <= set("<>&") and word not in ("&", "&&")
        if redirected:
            if words and words[-1] == "2":  # of 2>file
                words.pop()
        else:
            yield from _after_landslip(words)
            words = []


def _after_landslip(words: list[str]) -> Iterator[list[str]]:
    while words and (words[0] in BEFORE or re.match(r"^[A-Za-z_]\w*=", words[0])):
        words = words[1:]
    if words[1:3] == ["-m", "landslip"]:
        yield words[3:]
    elif words and words[0].rsplit("/", 1)[-1] == "landslip":
        yield words[1:]


def mentions(prose: str) -> Iterator[list[str]]:
    """Yield the words of each command line that prose has as code."""
    for found in MENTION.findall(prose):
        yield shlex.split(" ".join(found.replace("\\|", "|").split()))[1:]


def problem(words: list[str], *, whole: bool) -> str | None:
    """Return what is wrong with the words after `landslip`; None: they parse.

    What is ``whole`` has every argument that is needed; otherwise only what is there is looked
    at. Words in brackets may be left out by who types them, and are parsed, too; `...` stands
    for more, so that a line with it is not whole.
    """
    words = [re.sub(r"^\[|\]$", "", word) for word in words]
    whole = whole and "..." not in words and "--help" not in words
    words = [word for word in words if word not in ("...", "--help", "--debug", "--version")]
    command: Any = ROOT
    context = ROOT.context_class(ROOT, info_name="landslip")
    while hasattr(command, "list_commands") and words:
        inner = command.get_command(context, words[0])
        if inner is None:
            return f"no command {words[0]}"
        command, context = inner, inner.context_class(inner, info_name=words[0], parent=context)
        words = words[1:]
    if hasattr(command, "list_commands"):
        return "a command is needed" if whole and words else None
    found = _problem_of(command, words, context, whole=whole)
    if found and not whole and "requires an argument" in found:  # `train --config` in prose
        return _problem_of(command, [*words, "VALUE"], context, whole=False)
    return found


def _problem_of(command: Any, words: list[str], context: Any, *, whole: bool) -> str | None:
    try:
        if whole:
            command.parse_args(context, list(words))
        else:
            values, rest, _ = command.make_parser(context).parse_args(args=list(words))
            if rest:
                return f"unexpected words {rest}"
            for parameter in command.params:
                value = values.get(parameter.name)
                if value not in (None, (), []) and not str(value).isupper():  # KIND, N
                    parameter.process_value(context, value)
    except USAGE_ERROR as error:
        return str(error.format_message())
    return None
