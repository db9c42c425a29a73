"""``bqsim rehearse live PLAN URL``: the jobs of a plan sent to an endpoint at their times."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .options import INTERRUPTED, above_zero, count, renaming, seed, size_bytes, span_s
from .rehearse_outputs import check_writable, tell

if TYPE_CHECKING:
    from bqsim.rehearse.live.report import LiveReport

FORMATS = ("text", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``rehearse live``."""
    add = parser.add_argument
    add("plan", type=Path, metavar="PLAN", help="the plan file")
    add("url", metavar="URL", help="the endpoint: http://127.0.0.1:9050")
    add("--setting", default="", metavar="NAME", help="a setting of the plan (default: as it is planned)")
    add(
        "--apply",
        action="store_true",
        help="put the setting's capacity and --speed in force at the simulator",
    )
    add("--speed", type=above_zero, default=1.0, metavar="N", help="times as fast as planned (default 1)")
    add("--for", dest="for_s", type=span_s, metavar="TIME", help="send for so long: 90s, 10m")
    add("--client", choices=("rest", "google"), default="rest", help="plain REST, or Google's own client")
    add("--drivers", type=count, default=1, metavar="N", help="processes that send (default %(default)s)")
    add("--spread", choices=("processes", "ray"), default="processes", help="where (default %(default)s)")
    add("--ray-address", default="", metavar="ADDRESS", help="a Ray that runs already")
    add("--threads", type=count, default=64, metavar="N", help="of Google's client, to start jobs")
    add("--waiters", type=count, default=512, metavar="N", help="of Google's client, to wait for jobs")
    add("--most-in-flight", type=count, default=100_000, metavar="N", help="further jobs are left out")
    add("--patience", type=span_s, default=3600.0, metavar="TIME", help="wait so long for the last (1h)")
    add("--stop-file", default="", metavar="FILE", help="stop, as by Ctrl-C, when this file is there")
    add(
        "--map-project", type=renaming, action="append", default=[], metavar="A=B", help="project A becomes B"
    )
    add(
        "--map-reservation",
        type=renaming,
        action="append",
        default=[],
        metavar="A=PATH",
        help="jobs that ask for reservation A ask for projects/P/locations/L/reservations/R",
    )
    add("--cheap", action="store_true", help="jobs of histories run SELECT 1, not their own texts")
    add("--real", action="store_true", help="the endpoint may be Google's; needs --spend-cap")
    add("--spend-cap", type=size_bytes, metavar="BYTES", help="bytes billed at most: 100GiB")
    add("--slot-cap", type=above_zero, metavar="HOURS", help="slot-hours used at most")
    add("--no-simulation", action="store_true", help="do not simulate the same jobs to compare")
    add("--seed", type=seed, metavar="N", help="instead of the plan's")
    add("--run-id", default="", help="part of the jobs' ids (default: a random one)")
    add("--format", choices=FORMATS, default="text", help="of what is printed (default %(default)s)")
    add("--out", type=Path, metavar="FILE", help="write that to a file instead")
    add("--html", type=Path, metavar="FILE", help="write a page with charts")
    add("--hgrm", type=Path, metavar="FILE", help="write the percentiles for HdrHistogram's tools")
    add("--plain", action="store_true", help="progress as lines, also on a terminal")
    add("--quiet", action="store_true", help="tell no progress")


def run(given: argparse.Namespace) -> int:
    """Send; 1 when thresholds are broken, 130 when it was stopped. Raises ``RehearsalError``."""
    from bqsim.rehearse.live.progress import Shown
    from bqsim.rehearse.live.run import Options
    from bqsim.rehearse.live.run import run as rehearsed
    from bqsim.rehearse.plan.reading import load

    loaded = load(given.plan)
    if given.seed is not None:
        loaded = loaded.with_seed(given.seed)
    for option, path in (("--out", given.out), ("--html", given.html), ("--hgrm", given.hgrm)):
        check_writable(option, path)
    options = Options(
        setting=given.setting,
        client=given.client,
        drivers=given.drivers,
        spread=given.spread,
        address=given.ray_address,
        speed=given.speed,
        for_s=float("inf") if given.for_s is None else given.for_s,
        most_in_flight=given.most_in_flight,
        patience_s=given.patience,
        threads=given.threads,
        waiters=given.waiters,
        real=given.real,
        cap_bytes=given.spend_cap,
        cap_slot_hours=given.slot_cap,
        stop_file=given.stop_file,
        apply=given.apply,
        simulate=not given.no_simulation,
        own_texts=not given.cheap,
        projects=dict(given.map_project),
        reservations=dict(given.map_reservation),
        run_id=given.run_id,
    )
    shown = None if given.quiet else Shown(sys.stderr, given.plain)
    try:
        report = rehearsed(loaded, given.url, options, progress=shown)
    finally:
        if shown is not None:
            shown.end()
    _tell(given, report)
    if report.stopped:
        return INTERRUPTED
    return 1 if report.broken else 0


def _tell(given: argparse.Namespace, report: LiveReport) -> None:
    from bqsim.rehearse.live import showing

    tell(showing.document(report) if given.format == "json" else showing.text(report), given.out)
    if given.html is not None:
        given.html.write_text(showing.page(report), encoding="utf-8")
    if given.hgrm is not None:
        given.hgrm.write_text(showing.hgrm(report), encoding="utf-8")
