"""``bqsim capacity show|use|off``: the slots that jobs of a running simulator share."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .remote import Server, add_action, add_actions, run_action, show_json, table

HEAD = ("PLACE", "ASKED", "USED", "BORROWED", "SCALED", "RUNNING", "QUEUED")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``capacity``."""
    actions = add_actions(parser)
    show = add_action(
        actions, "show", _show, "Show what each reservation, and each project on demand, does now."
    )
    show.add_argument("--json", action="store_true", help="as JSON, with the capacity in force")
    use = add_action(
        actions, "use", _use, "Let jobs share the capacity of a scenario, and nothing else of it."
    )
    use.add_argument("file", metavar="FILE", help="a scenario with 'capacity', and maybe 'slot_work'")
    use.add_argument("--ttl", metavar="DURATION", help="when that ends by itself: 5m")
    add_action(actions, "off", _off, "Let jobs run as fast as they can.")


run = run_action


def _show(server: Server, given: argparse.Namespace) -> int:
    found = server.call("GET", "capacity")
    if given.json:
        show_json(found)
    else:
        _told(found)
    return 0


def _told(found: dict[str, Any]) -> None:
    if not found["enforced"]:
        print("no capacity is in force: jobs run as fast as they can")
    elif not found["places"]:
        print("nothing has slots")
    else:
        table([_row(place) for place in found["places"]], HEAD)


def _row(place: dict[str, Any]) -> tuple[str, ...]:
    slots, jobs = place["slots"], place["jobs"]
    shown = (f"{slots[name]:,.0f}" for name in ("demand", "used", "borrowed", "scaled"))
    return (place["name"], *shown, f"{jobs['running']:,}", f"{jobs['queued']:,}")


def _use(server: Server, given: argparse.Namespace) -> int:
    try:
        with open(given.file, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        print(f"bqsim: {given.file} cannot be read: {error}", file=sys.stderr)
        return 1
    _told(server.call("PUT", "capacity", text, ttl=given.ttl))
    return 0


def _off(server: Server, given: argparse.Namespace) -> int:
    server.call("DELETE", "capacity")
    _told({"enforced": False})
    return 0
