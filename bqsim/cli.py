"""The command line: ``bqsim serve``, ``bqsim scenario``, ``bqsim fault``, ``bqsim --version``, …"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bqsim import __version__


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser; the module of the ``chosen`` command adds its options, the others stay unimported."""
    from bqsim.commands import COMMANDS

    top = argparse.ArgumentParser(prog="bqsim", description="A fake BigQuery for tests.")
    top.add_argument("--version", action="version", version=f"bqsim {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(command.name, help=command.help, description=command.help)
        if command.name == chosen:
            command.load().add_arguments(one)
            one.set_defaults(run=command.load().run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0 done, 1 failed, 2 wrong usage."""
    from bqsim.commands import COMMANDS

    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if not word.startswith("-")), None)
    words = next((command.with_act(words) for command in COMMANDS if command.name == chosen), words)
    given = parser(chosen).parse_args(words)
    return int(given.run(given))


if __name__ == "__main__":
    sys.exit(main())
