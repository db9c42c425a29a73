"""``bqsim replay``: answer an application from cassettes, and tell how it kept to them."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqsim.replay.matching import Matcher
    from bqsim.replay.server import ReplayServer

FORMATS = ("text", "json", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``replay``."""
    from bqsim.record.sql_forms import LEVELS, NORMALISED
    from bqsim.replay.modes import MODES, UNKNOWN

    add = parser.add_argument
    add("cassettes", nargs="+", type=Path, metavar="CASSETTE", help="folders of recorded operations")
    add(
        "--mode", choices=MODES, default=os.environ.get("BQSIM_RECORD_MODE", "none"),
        help="what becomes of the cassette (default: $BQSIM_RECORD_MODE, else none: it only answers)",
    )  # fmt: skip
    add(
        "--unknown", choices=UNKNOWN, default="refuse",
        help="who answers what was not recorded (default %(default)s)",
    )  # fmt: skip
    add("--upstream", metavar="URL", help="the REST API to ask ($BIGQUERY_EMULATOR_HOST, else Google's)")
    add("--upstream-grpc", metavar="HOST:PORT", help="the Storage API to ask")
    add(
        "--timing", default="zero",
        help="how long jobs take: zero, recorded, model, or a factor of what was recorded (default zero)",
    )  # fmt: skip
    add("--failures", choices=("none", "recorded"), default="none", help="play passing failures, too")
    add("--repeats", type=int, metavar="N", help="answer no operation more than N times again")
    add("--loose", action="store_true", help="unused and other findings do not fail the replay")
    add("--project", default="", help="the project of the calls (default: as clients say)")
    add(
        "--name", action="append", default=[], type=_pair, metavar="NAME=TEXT",
        help="what ${name:NAME} of the cassettes is called here; may be given again",
    )  # fmt: skip
    add(
        "--sql", choices=LEVELS, default=NORMALISED,
        help="how texts of queries are compared (default %(default)s)",
    )  # fmt: skip
    add(
        "--match", action="append", default=[], type=_pair, metavar="FIELD=HOW",
        help="how a field is compared: ignore, equals, regex:PATTERN; may be given again",
    )  # fmt: skip
    add("--scenario", type=Path, metavar="FILE", help="faults and latencies on top")
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="REST port (default: a free one)")
    add("--grpc-port", type=int, default=0, help="gRPC port (default: a free one)")
    add("--report", choices=FORMATS, default="text", help="the report, on standard error (default text)")
    add("--report-file", type=Path, metavar="FILE", help="write the report as JSON")
    add("--junit", type=Path, metavar="FILE", help="write the findings as JUnit XML")
    parser.usage = "bqsim replay [options] CASSETTE... [-- COMMAND]"
    parser.epilog = (
        "COMMAND runs with the environment variables that point clients to the replay; without one the "
        "replay goes on until it is told to stop (SIGTERM, SIGINT)."
    )
    _split_words(parser)


def _split_words(parser: argparse.ArgumentParser) -> None:
    """What stands behind ``--`` is a command; the options before it are the parser's."""
    whole = parser.parse_known_args

    def split(args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        given = list(args or ())
        at = given.index("--") if "--" in given else len(given)
        found, rest = whole(given[:at], namespace)
        found.words = given[at + 1 :]
        return found, rest

    parser.parse_known_args = split  # type: ignore[method-assign]


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (name and found and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=TEXT")
    return name, value


def run(given: argparse.Namespace) -> int:
    """Replay; the command's exit code, or 3 when it went well and the replay did not; 1 when it cannot be
    started."""
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.sim.scenario.tree import ScenarioError

    words = list(given.words)
    if words and shutil.which(words[0]) is None:
        _say(f"cannot run {words[0]}: there is no such command")
        return 127
    try:
        server = _server(given)
        return _replay(given, server, words)
    except (OSError, CassetteError, ScenarioError, ValueError, ModuleNotFoundError) as error:
        _say(f"cannot replay: {error}")
        return 1


def _server(given: argparse.Namespace) -> ReplayServer:
    from bqsim.replay.matching import Matching
    from bqsim.replay.server import ReplayServer

    fields: dict[str, Matcher] = dict(given.match)
    upstream: Any = given.upstream
    if upstream is not None and given.upstream_grpc is not None:
        upstream = (upstream, given.upstream_grpc)
    return ReplayServer(
        given.cassettes,
        mode=given.mode,
        unknown=given.unknown,
        upstream=upstream,
        timing=given.timing,
        strict=not given.loose,
        project=given.project,
        names=dict(given.name),
        matching=Matching(given.sql, fields),
        repeats=given.repeats,
        failures=given.failures,
        scenario=given.scenario,
        host=given.host,
        port=given.port,
        grpc_port=given.grpc_port,
    )


def _replay(given: argparse.Namespace, server: ReplayServer, words: list[str]) -> int:
    from .ending import End
    from .serve import COLLECT_AFTER

    # Signals ask for the end of the replay, not of the process.
    end = End(_say)
    with end, server:
        # What was made at start stays: the collector need not walk it again and again.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        if words:
            code = end.run(words, server.environment())
        else:
            lines = [f"bqsim replays: REST {server.url} and gRPC {server.grpc_target}"]
            lines += [f"export {name}={value}" for name, value in server.environment().items()]
            print("\n".join(lines), flush=True)
            end.asked.wait()
            code = 0
    report = server.report()
    if given.report_file is not None:
        given.report_file.write_text(report.json + "\n", encoding="utf-8")
    if given.junit is not None:
        given.junit.write_text(report.junit, encoding="utf-8")
    if given.report != "none":
        print(report.json if given.report == "json" else report.text, file=sys.stderr, flush=True)
    return code or (0 if report.ok else 3)


def _say(text: str) -> None:
    print(f"bqsim replay: {text}", file=sys.stderr, flush=True)
