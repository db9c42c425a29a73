"""``bqsim verify METHOD``: whether a running simulator was called as expected."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .remote import Refused, Server, add_server, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``verify``."""
    add_server(parser)
    parser.add_argument(
        "method", metavar="METHOD", help="calls of this API method, or of a glob: bigquery.jobs.*"
    )
    parser.add_argument("--times", type=_times, default=(1, None), metavar="N", help="3, 2-4, 1+ (1+)")
    parser.add_argument(
        "--where", type=_json, metavar="JSON", help='conditions: \'{"reason": "backendError"}\''
    )
    parser.add_argument(
        "--backoff", action="store_true", help="check how such calls were tried again instead"
    )
    parser.set_defaults(act=_verify)


run = run_action


def _times(text: str) -> tuple[int, int | None]:
    least, dash, most = text.partition("-")
    try:
        if text.endswith("+"):
            return int(text[:-1]), None
        return (int(least), int(most)) if dash else (int(text), int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number such as 3, 2-4 or 1+") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is not JSON: {error}") from None


def _verify(server: Server, given: argparse.Namespace) -> int:
    try:
        if given.backoff:
            server.call("POST", "verify/backoff", {"method": given.method})
            print("ok")
            return 0
        where = {} if given.where is None else {"where": given.where}
        body = {"method": given.method, "times": list(given.times), **where}
        calls = server.call("POST", "verify", body)["calls"]
    except Refused as refused:
        if "ok" not in refused.answer:
            raise
        print(refused)
        return 1
    print(f"ok: {len(calls)} call{'' if len(calls) == 1 else 's'}")
    return 0
