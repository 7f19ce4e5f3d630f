"""How the words of a command line are parsed: blank values and messages without bounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from landslip.cli.errors import WRONG_INPUT
from landslip.core.errors import InputError, excerpt
from landslip.core.paths import check_text

EXIT_CODES = {
    "0": "Done.",
    "1": "An error of landslip itself.",
    "2": "Input, options or the system are not as they must be; one line says what to change.",
    "130": "Stopped by Ctrl-C or a signal; no output is left half-written.",
}
_USAGE_ERROR: Any = typer.BadParameter.__base__  # click's, wherever Typer has it from


class Command(TyperCommand):
    """A command that takes no blank words: a blank path would be the current folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Check the words and parse them."""
        words, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in self.params:
            value = words.get(parameter.name)
            called = max(parameter.opts, key=len) if parameter.opts else parameter.name
            if parameter.param_type_name == "argument":
                called = str(parameter.name).upper()
            for word in value if isinstance(value, list | tuple) else (value,):
                if isinstance(word, str) and word != parameter.default:
                    _check_word(word, called)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what the exit code says."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl(list(EXIT_CODES.items()))


def completion_item(word: str, text: str) -> Any:
    """Return what a shell is offered for an incomplete word: a word and what it is."""
    from typer._click.shell_completion import CompletionItem

    return CompletionItem(word, help=text)


class Group(TyperGroup):
    """A group of commands whose messages quote excerpts only."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the words before the command."""
        with _bounded_messages():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Parse the command's words and run it."""
        with _bounded_messages():
            return super().invoke(ctx)


def _check_word(word: str, called: str) -> None:
    try:
        check_text(word, called)
    except InputError as error:
        typer.echo(f"landslip: {error}", err=True)
        raise typer.Exit(WRONG_INPUT) from error


@contextmanager
def _bounded_messages() -> Iterator[None]:
    try:
        yield
    except _USAGE_ERROR as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # its message is the whole help
            error.message = excerpt(error.message, 400)
        raise
