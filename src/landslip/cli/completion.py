"""Completion of words in a shell, which is named: none is guessed from the parent process."""

import os
from enum import StrEnum
from pathlib import Path

PROGRAM = "landslip"
_VARIABLE = "_LANDSLIP_COMPLETE"  # set by the shell's function when it asks for words


class Shell(StrEnum):
    """The shells that complete words."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def prepare_completion() -> None:
    """Let Typer answer a shell that asks for words."""
    if _VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()


def completion_script(shell: Shell) -> str:
    """Return what a shell has to read once."""
    from typer._completion_shared import get_completion_script

    return get_completion_script(prog_name=PROGRAM, complete_var=_VARIABLE, shell=shell.value)


def install_completion(shell: Shell) -> Path:
    """Write it into the user's own start-up files; returns the file.

    bash and zsh get a line in ``~/.bashrc`` and ``~/.zshrc`` that reads it.
    """
    from typer._completion_shared import install

    _, file = install(shell=shell.value, prog_name=PROGRAM, complete_var=_VARIABLE)
    return file
