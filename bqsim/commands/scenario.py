"""``bqsim scenario check FILE…`` and ``bqsim scenario schema``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``scenario``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="Tell what is wrong in scenario files.")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(act=_check)
    schema = actions.add_parser("schema", help="Print the JSON Schema of scenario files, for editors.")
    schema.set_defaults(act=_schema)


def run(given: argparse.Namespace) -> int:
    """Do the action; 0 when all is well, 1 when a file is wrong or cannot be read."""
    return int(given.act(given))


def _check(given: argparse.Namespace) -> int:
    from bqsim.server.known import known
    from bqsim.sim.scenario.load import load
    from bqsim.sim.scenario.tree import ScenarioError

    wrong = 0
    for path in given.files:
        try:
            scenario = load(path, known())
        except ScenarioError as error:
            wrong += 1
            print(error, file=sys.stderr)
            continue
        count = len(scenario.rules)
        print(f"{path}: ok: scenario '{scenario.name}', {count} rule{'' if count == 1 else 's'}")
    return 1 if wrong else 0


def _schema(_given: argparse.Namespace) -> int:
    from bqsim.sim.scenario.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
