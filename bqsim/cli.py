"""The command line: ``bqsim serve``, ``bqsim warm``, ``bqsim --version``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bqsim import __version__

# Exit codes.
OK = 0
FAILED = 1


def parser() -> argparse.ArgumentParser:
    """The parser; each command's module adds its own part."""
    from bqsim.commands import COMMANDS

    top = argparse.ArgumentParser(prog="bqsim", description="A fake BigQuery for tests.")
    top.add_argument("--version", action="version", version=f"bqsim {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(command.name, help=command.help, description=command.help)
        command.load().add_arguments(one)
        one.set_defaults(command_module=command)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0 done, 1 failed, 2 wrong usage."""
    given = parser().parse_args(arguments)
    return int(given.command_module.load().run(given))


if __name__ == "__main__":
    sys.exit(main())
