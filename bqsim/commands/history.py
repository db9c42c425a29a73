"""``bqsim history query|show|convert|import``: histories of jobs, from exports, audit logs or an endpoint."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bqsim.history.model import JobRecord

_TEXTS_KEPT = 16_384
_GROUPINGS = ("user", "label", "fingerprint", "hour", "project", "reservation", "statement", "reason")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``history``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    query = actions.add_parser("query", help="Print the query whose rows are a history.")
    _add_asked(query)
    query.add_argument("--project", default="", help="the project to ask (default: that of the job)")
    query.set_defaults(act=_query)
    show = actions.add_parser("show", help="Sum up histories by user, label, fingerprint and hour.")
    _add_files(show)
    show.add_argument("--by", action="append", choices=_GROUPINGS, help="group by this; again for more")
    show.add_argument("--limit", type=int, default=20, metavar="N", help="groups shown (default %(default)s)")
    show.add_argument("--format", choices=("text", "json"), default="text")
    _add_redaction(show)
    show.set_defaults(act=_show)
    convert = actions.add_parser("convert", help="Put exports together into one Parquet file, each job once.")
    _add_files(convert)
    _add_output(convert)
    convert.set_defaults(act=_convert)
    take = actions.add_parser("import", help="Ask an endpoint for its history.")
    take.add_argument("--project", required=True, help="the project to ask")
    take.add_argument("--url", help="the endpoint, when it is not Google's: a simulator's address")
    _add_asked(take)
    _add_output(take)
    take.set_defaults(act=_import)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="HISTORY",
        help="exports (JSON, CSV, Parquet, Avro, gz), folders of them, cassettes",
    )


def _add_asked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", default="us", help="the region (default %(default)s)")
    parser.add_argument("--days", type=float, default=30, help="how far back (default %(default)s)")
    parser.add_argument(
        "--scope",
        default="PROJECT",
        type=str.upper,
        choices=("PROJECT", "USER", "FOLDER", "ORGANIZATION"),
        help="which view JOBS_BY_… (default %(default)s); FOLDER and ORGANIZATION have no texts",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the Parquet file")
    _add_redaction(parser)


def _add_redaction(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--keep-secrets", action="store_true", help="keep e-mail addresses, keys and tokens as they are")
    add("--policy", type=Path, metavar="FILE", help="rules of redaction, as of recordings")
    add(
        "--key",
        default="",
        help="of the names that stand for people (default: the policy's, or the variable BQSIM_REDACT_KEY)",
    )


def run(given: argparse.Namespace) -> int:
    """Do the action; 1 and the reason on standard error for exports that cannot be read."""
    from bqsim.history.errors import HistoryError
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.record.redact.policy import PolicyError
    from bqsim.seeding import ApiError

    try:
        return int(given.act(given))
    except (HistoryError, CassetteError, PolicyError, ApiError, ModuleNotFoundError) as error:
        print(f"bqsim history: {error}", file=sys.stderr)
    except OSError as error:
        print(f"bqsim history: {error.filename}: {error.strerror}", file=sys.stderr)
    return 1


def _query(given: argparse.Namespace) -> int:
    from bqsim.history.asking import commands, history_sql

    try:
        sql = history_sql(given.region, given.days, given.scope, given.project)
    except ValueError as error:
        print(f"bqsim history: {error}", file=sys.stderr)
        return 2
    print(commands(sql, given.project), end="")
    return 0


def _show(given: argparse.Namespace) -> int:
    from bqsim.history.summary import Summary

    change = _changer(given)
    summary = Summary(tuple(given.by or ("user", "label", "fingerprint", "hour")))
    summary.add_all(change(job) for job in _jobs(given.files))
    if given.format == "json":
        print(json.dumps(summary.json(given.limit), indent=1))
    else:
        print(summary.text(given.limit))
    return 0


def _convert(given: argparse.Namespace) -> int:
    from bqsim.history.merging import write_merged

    change = _changer(given)
    records, jobs = write_merged(given.output, _jobs(given.files), change)
    twice = f", {records - jobs:,} of them told again" if records != jobs else ""
    print(f"{given.output}: {jobs:,} jobs from {records:,} records{twice}")
    return 0


def _import(given: argparse.Namespace) -> int:
    from bqsim.history.asking import fetch, history_sql
    from bqsim.history.merging import write_merged
    from bqsim.seeding import Api
    from bqsim.seeding.live import google_api

    api = Api(given.url, given.project) if given.url else google_api(given.project)
    sql = history_sql(given.region, given.days, given.scope)
    change = _changer(given)
    _, jobs = write_merged(given.output, fetch(api, sql), change)
    print(f"{given.output}: {jobs:,} jobs")
    return 0


def _jobs(files: Iterable[str]) -> Iterator[JobRecord]:
    """The jobs of exports and cassettes."""
    from bqsim.history.reading import read
    from bqsim.record.cassette.cassette import Cassette
    from bqsim.record.cassette.header import FILE
    from bqsim.record.jobs_of import job_records

    for path in map(Path, files):
        if (path / FILE).is_file():
            yield from job_records(Cassette.open(path))
        else:
            yield from read(path)


def _changer(given: argparse.Namespace) -> Callable[[JobRecord], JobRecord]:
    """What takes secrets out of jobs, by the policy of recordings."""
    from functools import lru_cache

    from bqsim.history.redaction import redacted
    from bqsim.record.redact.policy import Policy
    from bqsim.record.redact.redactor import Redactor

    if given.keep_secrets:
        return lambda job: job
    policy = Policy.default() if given.policy is None else Policy.load(given.policy)
    redactor = Redactor(policy, given.key or None)
    text = lru_cache(maxsize=_TEXTS_KEPT)(redactor.text)
    return lambda job: redacted(job, text)
