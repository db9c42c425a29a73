"""``bqsim scenario check|explain|schema|load|clear``: scenario files, and the one in force."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .remote import Server, add_action, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``scenario``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="Tell what is wrong in scenario files.")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(local=_check)
    explain = actions.add_parser("explain", help="Tell in words what a scenario file does.")
    explain.add_argument("file", type=Path, metavar="FILE")
    explain.add_argument(
        "--call",
        action="append",
        default=[],
        metavar="CALL",
        help="which rules would fire for '{method: bigquery.jobs.query, sql: SELECT 1}', why not others",
    )
    explain.set_defaults(local=_explain)
    schema = actions.add_parser("schema", help="Print the JSON Schema of scenario files, for editors.")
    schema.set_defaults(local=_schema)
    load = add_action(actions, "load", _load, "Put a scenario file in force in a running simulator.")
    load.add_argument("file", type=Path, metavar="FILE")
    load.add_argument("--ttl", metavar="DURATION", help="when it ends by itself: 5m")
    add_action(actions, "clear", _clear, "Let a running simulator forget its scenario, and all rules.")


def run(given: argparse.Namespace) -> int:
    """Do the action; 0 when all is well, 1 when a file is wrong or cannot be read."""
    return int(given.local(given)) if hasattr(given, "local") else run_action(given)


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


def _explain(given: argparse.Namespace) -> int:
    from bqsim.server.known import known
    from bqsim.sim.control.telling import described, verdicts
    from bqsim.sim.scenario.load import load
    from bqsim.sim.scenario.tree import ScenarioError

    try:
        scenario = load(given.file, known())
        answers = [(call, verdicts(scenario, call, known())) for call in given.call]
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 1
    if not answers:
        print(described(scenario, known()))
    for call, found in answers:
        print(call)
        print("\n".join(f"  {line}" for line in str(found).splitlines()))
    return 0


def _schema(_given: argparse.Namespace) -> int:
    from bqsim.sim.scenario.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0


def _load(server: Server, given: argparse.Namespace) -> int:
    from bqsim.server.known import known
    from bqsim.sim.scenario.load import load
    from bqsim.sim.scenario.tree import ScenarioError

    try:
        scenario = load(given.file, known())
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 1
    text = given.file.read_text(encoding="utf-8-sig")
    answer = server.call("PUT", "scenario", text, ttl=given.ttl, source=given.file.name)
    print(f"scenario '{scenario.name}' is in force, seed {answer['seed']}")
    return 0


def _clear(server: Server, given: argparse.Namespace) -> int:
    server.call("DELETE", "scenario")
    return 0
