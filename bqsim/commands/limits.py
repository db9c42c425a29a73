"""``bqsim limits show|use|off|usage``: quotas and limits of a running simulator."""

from __future__ import annotations

import argparse
from typing import Any

from .remote import Server, add_action, add_actions, run_action, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``limits``."""
    actions = add_actions(parser)
    show = add_action(
        actions, "show", _show, "Show the limits in force, and how often each refused something."
    )
    show.add_argument("--project", help="with the amounts of this project")
    use = add_action(actions, "use", _use, "Enforce limits.")
    use.add_argument("profile", nargs="?", default="bigquery", help="which ones (%(default)s)")
    use.add_argument("--scale", type=float, help="multiply every quota; 0.01 is a hundredth")
    use.add_argument(
        "--set",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=AMOUNT",
        dest="values",
        help="a single limit",
    )
    use.add_argument("--only", action="append", metavar="GLOB", help="only limits of these names")
    use.add_argument("--ttl", metavar="DURATION", help="when that ends by itself: 5m")
    add_action(actions, "off", _off, "Enforce no limits.")
    usage = add_action(actions, "usage", _usage, "Show what is used.")
    usage.add_argument("limit", nargs="?", default="*", metavar="GLOB", help="of these limits")


run = run_action


def _pair(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    try:
        return name, float(amount)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=AMOUNT") from None


def _show(server: Server, given: argparse.Namespace) -> int:
    found = server.call("GET", "limits", project=given.project)
    if found["profile"] == "off":
        print("no limits are enforced")
        return 0
    rows = [
        (row["limit"], _amount(row), str(found["refusals"].get(row["limit"], 0)), row["title"])
        for row in found["limits"]
    ]
    table(rows, ("LIMIT", "AMOUNT", "REFUSED", "WHAT"))
    return 0


def _amount(row: dict[str, Any]) -> str:
    amount = row.get("amount")
    return "unlimited" if amount is None else f"{amount:,} {row.get('unit', '')}".rstrip()


def _use(server: Server, given: argparse.Namespace) -> int:
    told = {"profile": given.profile, "scale": given.scale, "values": dict(given.values), "only": given.only}
    body = {name: value for name, value in told.items() if value}
    print(f"limits: {server.call('PUT', 'limits', body, ttl=given.ttl)['profile']}")
    return 0


def _off(server: Server, given: argparse.Namespace) -> int:
    server.call("DELETE", "limits")
    print("no limits are enforced")
    return 0


def _usage(server: Server, given: argparse.Namespace) -> int:
    rows = [
        (
            row["limit"],
            " ".join(str(value) for value in row["scope"].values()),
            f"{row['used']:,} of {_amount(row)}",
        )
        for row in server.call("GET", "limits/usage", limit=given.limit)["usage"]
    ]
    if rows:
        table(rows, ("LIMIT", "OF", "USED"))
    else:
        print("nothing is used")
    return 0
