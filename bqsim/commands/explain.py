"""``bqsim explain ID``: which rule, draw, quota or latency shaped an answer."""

from __future__ import annotations

import argparse

from .remote import Refused, Server, add_server, run_action, segment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``explain``."""
    add_server(parser)
    parser.add_argument(
        "id", metavar="ID", help="of a call (the header x-bqsim-explain of its answer), or a job"
    )
    parser.set_defaults(act=_explain)


run = run_action


def _explain(server: Server, given: argparse.Namespace) -> int:
    try:
        print(server.call("GET", f"journal/calls/{segment(given.id.lstrip('#'))}")["text"])
    except Refused as refused:
        if not refused.answer:
            raise
        print(server.call("GET", f"journal/jobs/{segment(given.id)}")["text"])
    return 0
