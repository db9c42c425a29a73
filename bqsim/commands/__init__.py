"""The commands: one module each, with ``add_arguments(parser)`` and ``run(arguments) -> int``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name is that of its module."""

    name: str
    help: str

    def load(self) -> Any:
        """The command's module."""
        return import_module(f"bqsim.commands.{self.name}")


COMMANDS: tuple[Command, ...] = (
    Command("generate", "Generate rows for a schema, into files."),
    Command("scenario", "Check scenario files, or print their JSON Schema."),
    Command("serve", "Serve a simulator until it is told to stop."),
    Command("warm", "Compile Google's analyzer once for this user, so that later starts are quick."),
)
