"""``bqsim workload run``: recorded jobs run again at an endpoint, and how that differs from the recording."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import INTERRUPTED, above_zero, count, percentage, renaming, size_bytes

if TYPE_CHECKING:
    from bqsim.workload.items import Item, Workload
    from bqsim.workload.runner import Estimate, Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``workload``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    one = actions.add_parser("run", help="Run recorded jobs again, and tell what differs.")
    add = one.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="histories and cassettes")
    add("--target", required=True, metavar="URL", help="the endpoint: http://127.0.0.1:9050")
    add("--speed", type=_speed, default=1.0, help="times as fast as recorded, or max (default 1)")
    add("--rate", type=above_zero, metavar="R", help="arrive at random, R a second, instead of as recorded")
    add("--seed", type=int, default=0, help="of the random arrivals (default %(default)s)")
    add(
        "--map-project", type=renaming, action="append", default=[], metavar="A=B", help="project A becomes B"
    )
    add("--limit", type=count, metavar="N", help="only the first N jobs")
    add("--concurrency", type=count, default=64, metavar="N", help="jobs at once (default %(default)s)")
    add("--retries", type=int, default=3, metavar="N", help="of requests that fail in passing (%(default)s)")
    add("--dry-run", action="store_true", help="only estimate the queries at the endpoint, which is free")
    add("--spending-cap", type=size_bytes, metavar="BYTES", help="bytes billed at most: 100GiB")
    add("--allow-real-service", action="store_true", help="the endpoint may be Google's; needs a cap")
    add("--run-id", default="", help="part of the jobs' ids (default: a random one)")
    add("--report", type=Path, action="append", default=[], metavar="FILE", help=".txt, .json or .html")
    add(
        "--max-new-errors",
        type=int,
        default=0,
        metavar="N",
        help="fail above (default %(default)s; -1: never)",
    )
    add("--max-row-changes", type=int, metavar="N", help="fail when more results have other rows")
    add("--max-bytes-change", type=percentage, metavar="PCT", help="fail when bytes change by more: 10%%")
    add("--max-slowdown", type=percentage, metavar="PCT", help="fail when the p90 run time grows by more")
    add(
        "--max-reordered", type=percentage, metavar="PCT", help="fail when more pairs end the other way round"
    )


def run(given: argparse.Namespace) -> int:
    """Run; 1 when thresholds are exceeded or nothing can be read, 130 when interrupted, 2 for wrong usage."""
    from bqsim.history import HistoryError
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.seeding import ApiError
    from bqsim.workload.caller import is_real
    from bqsim.workload.items import load

    if is_real(given.target):
        if not given.allow_real_service:
            return _usage("this is the real service: jobs cost money there; say --allow-real-service")
        if given.spending_cap is None and not given.dry_run:
            return _usage("the real service needs --spending-cap")
        if not given.target.startswith("https://"):
            return _usage("the real service is called by https only")
    elif not given.target.startswith(("http://", "https://")):
        return _usage(f"the target is an address such as http://127.0.0.1:9050, not {given.target}")
    try:
        workload = load(given.sources)
        if not workload.items:
            reasons = ", ".join(f"{n} {reason}" for reason, n in workload.left_out.items())
            print(
                f"bqsim workload: there is no job to run ({reasons or 'none was recorded'})", file=sys.stderr
            )
            return 1
        return asyncio.run(_run(given, workload))
    except (HistoryError, CassetteError, ApiError, ModuleNotFoundError) as error:
        print(f"bqsim workload: {error}", file=sys.stderr)
        return 1


def _usage(text: str) -> int:
    print(f"bqsim workload: {text}", file=sys.stderr)
    return 2


def items_of(given: argparse.Namespace, workload: Workload) -> list[Item]:
    """The items that the options ask for."""
    from bqsim.workload.items import arriving, first_of, renamed, spaced

    projects = dict(given.map_project)
    items = [renamed(one, projects) for one in workload.items]
    if given.limit is not None:
        items = first_of(items, given.limit)
    return arriving(items, given.rate, given.seed) if given.rate else spaced(items, given.speed)


async def _run(given: argparse.Namespace, workload: Workload) -> int:
    from bqsim.sim.clock import RealClock
    from bqsim.workload.caller import Caller, google_token, is_real
    from bqsim.workload.runner import Runner

    items = items_of(given, workload)
    token = google_token() if is_real(given.target) else None
    clock = RealClock()
    caller = Caller(
        given.target, clock, token=token, connections=given.concurrency + 8, retries=given.retries
    )
    runner = Runner(
        caller,
        concurrency=given.concurrency,
        clock=clock,
        cap_bytes=given.spending_cap,
        run_id=given.run_id,
    )
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        print("bqsim workload: stopping; running jobs are cancelled", file=sys.stderr)
        runner.stop()

    loop = asyncio.get_running_loop()
    # Where loops take no signals, the run ends by KeyboardInterrupt.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        if given.dry_run:
            return _told(given, await runner.estimate(items))
        made = await runner.run(items)
    finally:
        await caller.close()
    code = _report(given, made, workload)
    return INTERRUPTED if interrupted else code


def _told(given: argparse.Namespace, found: list[Estimate]) -> int:
    from bqsim.workload.rendering import estimates

    shown: list[dict[str, Any]] = [
        {
            "number": one.item.number,
            "jobId": one.item.recorded.job_id,
            "bytes": one.bytes,
            "billedAtMost": one.billed,
            "recordedBytes": one.item.recorded.bytes_processed,
            **({"reason": one.reason, "message": one.message} if one.reason else {}),
        }
        for one in found
    ]
    text = estimates(found)
    for path in given.report:
        path.write_text(json.dumps(shown, indent=1) if path.suffix == ".json" else text, encoding="utf-8")
    print(text)
    failed = sum(bool(one.reason) and not one.item.recorded.error_reason for one in found)
    return 1 if 0 <= given.max_new_errors < failed else 0


def _report(given: argparse.Namespace, made: Run, workload: Workload) -> int:
    from bqsim.workload.divergence import Thresholds, compare
    from bqsim.workload.rendering import page, text

    found = compare(made, workload.left_out)
    exceeded = found.exceeded(
        Thresholds(
            None if given.max_new_errors < 0 else given.max_new_errors,
            given.max_row_changes,
            given.max_bytes_change,
            given.max_slowdown,
            given.max_reordered,
        )
    )
    for path in given.report:
        if path.suffix == ".json":
            content = json.dumps({**found.json(), "exceeded": exceeded}, indent=1)
        elif path.suffix in (".html", ".htm"):
            content = page(found, exceeded)
        else:
            content = text(found, exceeded)
        path.write_text(content, encoding="utf-8")
    print(text(found, exceeded))
    return 1 if exceeded else 0


def _speed(word: str) -> float:
    if word == "max":
        return float("inf")
    return above_zero(word)
