"""Talking to a running simulator: the control API under ``/bqsim/v1``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

DEFAULT = "http://127.0.0.1:9050"
# A clock that is moved may wait for the work that it releases.
TIMEOUT_S = 60.0

Act = Callable[["Server", argparse.Namespace], int]


class Refused(Exception):
    """What the simulator, or the way to it, says instead of an answer; ``answer`` is its JSON."""

    def __init__(self, message: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.answer = answer or {}


class Server:
    """A running simulator, seen as ``scope`` if that is not ''."""

    def __init__(self, url: str, scope: str = "") -> None:
        self.url = url.rstrip("/") if "://" in url else f"http://{url.rstrip('/')}"
        self.scope = scope

    def call(self, verb: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The answer to a control request; ``body`` is text or JSON's objects. Raises :class:`Refused`."""
        asked = {name: value for name, value in query.items() if value is not None}
        url = f"{self.url}/bqsim/v1/{path}" + (f"?{urlencode(asked)}" if asked else "")
        data = body if isinstance(body, str | None) else json.dumps(body)
        headers = {"x-bqsim-scope": self.scope} if self.scope else {}
        request = Request(url, None if data is None else data.encode(), headers, method=verb)
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:
                found: dict[str, Any] = json.loads(answer.read())
                return found
        except HTTPError as error:
            raise _refused(error, url) from None
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            hint = "start one with `bqsim serve`, or name it with --server"
            raise Refused(f"no simulator answers at {self.url} ({reason}): {hint}") from None


def _refused(error: HTTPError, url: str) -> Refused:
    try:
        answer = json.loads(error.read())
        return Refused(answer["error"]["message"], answer)
    except (ValueError, KeyError, TypeError):
        return Refused(f"{url} answers {error.code}: this is no simulator")


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which simulator is meant."""
    default = os.environ.get("BIGQUERY_EMULATOR_HOST") or DEFAULT
    parser.add_argument(
        "--server",
        default=default,
        metavar="URL",
        help="the simulator (BIGQUERY_EMULATOR_HOST; now %(default)s)",
    )
    parser.add_argument(
        "--scope", default="", help="only for calls of this project, port or x-bqsim-scope header"
    )


def add_action(actions: Any, name: str, act: Act, help: str) -> argparse.ArgumentParser:
    """Add an action that talks to a simulator."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=help, description=help)
    add_server(parser)
    parser.set_defaults(act=act)
    return parser


def add_actions(parser: argparse.ArgumentParser) -> Any:
    """Where :func:`add_action` adds actions."""
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")


def run_action(given: argparse.Namespace) -> int:
    """Do the action that was chosen; 1 and the reason on standard error when it is refused."""
    try:
        return int(given.act(Server(given.server, given.scope), given))
    except Refused as error:
        print(f"bqsim: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read this has seen enough.
        sys.stderr.close()
        return 0


def show_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> None:
    """Print rows under a head, in columns."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
