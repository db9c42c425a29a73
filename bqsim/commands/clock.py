"""``bqsim clock show|advance|set|freeze|resume|scale``: the clock of a running simulator."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .remote import Act, Server, add_action, add_actions, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``clock``."""
    actions = add_actions(parser)
    add_action(actions, "show", _show, "Show the time, and how it passes.")
    advance = add_action(actions, "advance", _moving(lambda g: {"advance": g.duration}), "Move time on.")
    advance.add_argument("duration", metavar="DURATION", help="90m, 7d, 1h30m, or seconds")
    to = add_action(actions, "set", _moving(lambda g: {"set": g.time}), "Move time on to a time.")
    to.add_argument("time", metavar="TIME", help="2027-01-31T12:00:00Z")
    add_action(actions, "freeze", _moving(lambda g: {"freeze": True}), "Let time stand still.")
    add_action(actions, "resume", _moving(lambda g: {"resume": True}), "Let time run as the wall's does.")
    scale = add_action(actions, "scale", _moving(lambda g: {"scale": g.factor}), "Let time run faster.")
    scale.add_argument("factor", type=float, metavar="FACTOR", help="60: a minute in a second")


run = run_action


def _show(server: Server, given: argparse.Namespace) -> int:
    _print(server.call("GET", "clock"))
    return 0


def _moving(told: Callable[[argparse.Namespace], dict[str, Any]]) -> Act:
    def move(server: Server, given: argparse.Namespace) -> int:
        _print(server.call("POST", "clock", told(given)))
        return 0

    return move


def _print(clock: dict[str, Any]) -> None:
    how = {"manual": "it stands", "real": "it runs as the wall's"}
    print(f"{clock['now']}  {how.get(clock['mode'], 'it runs {rate:g} times as fast').format(**clock)}")
