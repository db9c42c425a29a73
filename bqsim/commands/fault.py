"""``bqsim fault add|list|remove|clear|explain``: the rules of a running simulator."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .remote import Server, add_action, add_actions, run_action, segment, show_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``fault``."""
    actions = add_actions(parser)
    add = add_action(actions, "add", _add, "Add a rule.")
    add.add_argument(
        "rule",
        metavar="RULE",
        help="a reason (backendError), a gRPC status (UNAVAILABLE), a network fault (reset), an effect "
        "('delay: 2s') or a whole rule in YAML",
    )
    add.add_argument(
        "--method", action="append", metavar="GLOB", help="of these API methods; may be repeated"
    )
    add.add_argument("--resource", action="append", metavar="GLOB", help="about these resources")
    add.add_argument("--match", metavar="YAML", help="further conditions: '{nth: 2, job_type: QUERY}'")
    add.add_argument("--times", type=int, help="how often it is done at most")
    add.add_argument("--probability", type=float, help="the share of calls that it is done to")
    add.add_argument("--ttl", metavar="DURATION", help="when it ends by itself: 5m")
    add.add_argument("--id", help="its name")
    add.add_argument("--first", action="store_true", help="put it before the other rules")
    listing = add_action(actions, "list", _list, "Show the rules, and how often each fired.")
    listing.add_argument("--json", action="store_true", help="as JSON")
    remove = add_action(actions, "remove", _remove, "Remove rules.")
    remove.add_argument("ids", nargs="+", metavar="ID")
    add_action(actions, "clear", _clear, "Remove all rules, or those of the scope.")
    explain = add_action(actions, "explain", _explain, "Tell what each rule would say to a call.")
    explain.add_argument("call", metavar="CALL", help="'{method: bigquery.jobs.query, sql: SELECT 1}'")


run = run_action


def _add(server: Server, given: argparse.Namespace) -> int:
    from bqsim.sim.control.given import rule_of
    from bqsim.sim.scenario.dump import to_dict
    from bqsim.sim.scenario.tree import ScenarioError

    try:
        found = rule_of(
            given.rule,
            match=given.match,
            options={"id": given.id, "times": given.times, "ttl": given.ttl},
            fields={"method": given.method, "resource": given.resource, "probability": given.probability},
            called="rule",
        )
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 1
    rule = to_dict(found.rule)
    if not found.named:
        del rule["id"]
    answer = server.call("POST", "faults", rule, first="true" if given.first else None)
    print(answer["rule"]["id"])
    return 0


def _list(server: Server, given: argparse.Namespace) -> int:
    faults = server.call("GET", "faults")["faults"]
    if given.json:
        show_json(faults)
    elif not faults:
        print("no rules")
    else:
        table([_row(fault) for fault in faults], ("ID", "SEEN", "FIRED", "LEFT", "SOURCE", "RULE"))
    return 0


def _row(fault: dict[str, Any]) -> tuple[str, ...]:
    from bqsim.sim.control.words import effect_words, matched
    from bqsim.sim.scenario.load import rule_from_dict

    rule = rule_from_dict(fault["rule"])
    left = "over" if fault["expired"] else "-" if fault["left"] is None else str(fault["left"])
    said = f"{matched(rule)}: {effect_words(rule.effect)}"
    return rule.id, str(fault["seen"]), str(fault["fired"]), left, fault["source"], said


def _remove(server: Server, given: argparse.Namespace) -> int:
    for id in given.ids:
        server.call("DELETE", f"faults/{segment(id)}")
        print(f"removed {id}")
    return 0


def _clear(server: Server, given: argparse.Namespace) -> int:
    count = server.call("DELETE", "faults")["removed"]
    print(f"removed {count} rule{'' if count == 1 else 's'}")
    return 0


def _explain(server: Server, given: argparse.Namespace) -> int:
    print(server.call("POST", "faults/explain", given.call)["text"])
    return 0
