"""``bqsim contract``: the same requests to several endpoints, and what a code base needs of the API."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``contract``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    check = actions.add_parser(
        "check",
        help="send a cassette's or a suite's requests to endpoints, and compare the answers",
        description=(
            "Send the operations of a cassette (a folder) or the steps of a suite (a YAML file) to each "
            "endpoint, and compare the answers field by field with what was recorded or is expected. "
            "Exit code 0: as expected, or allowed by rules; 1: not; 2: the check could not be made."
        ),
    )
    check.add_argument("source", help="the cassette's folder or the suite's file")
    check.add_argument(
        "target",
        nargs="+",
        help=(
            "[name=]bqsim[,seed=FILE] | cassette:FOLDER | bigquery[,project=P] | "
            "URL[,grpc=HOST:PORT][,storage=URL][,project=P][,token=T]"
        ),
    )
    check.add_argument("--rules", metavar="FILE", help="what may differ (YAML)")
    check.add_argument("--project", default="", help="the project of the calls")
    check.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what a name of the cassette is here",
    )
    check.add_argument(
        "--no-form", action="store_true", help="do not hold answers to the API's own schema, too"
    )
    _add_reports(check)
    check.set_defaults(act=_check)


def run(given: argparse.Namespace) -> int:
    """Run an action; 2 when what was given cannot be used."""
    from bqsim.contract.errors import ContractError
    from bqsim.record.cassette.errors import CassetteError

    try:
        code: int = given.act(given)
    except (ContractError, CassetteError) as error:
        print(f"bqsim contract: {error}", file=sys.stderr)
        return USAGE
    return code


def _add_reports(parser: argparse.ArgumentParser) -> None:
    for form in ("json", "junit", "html"):
        parser.add_argument(f"--{form}", metavar="FILE", help=f"write a report as {form}, too")
    parser.add_argument("--quiet", action="store_true", help="no report on standard output")


def _check(given: argparse.Namespace) -> int:
    from bqsim.contract.check import check

    result = check(
        given.source,
        given.target,
        given.rules,
        project=given.project,
        names=_names(given.name),
        form=not given.no_form,
    )
    _report(given, result)
    return result.exit_code


def _report(given: argparse.Namespace, result: Any) -> None:
    if not given.quiet:
        sys.stdout.write(result.text())
    for form in ("json", "junit", "html"):
        path = getattr(given, form)
        if path:
            Path(path).write_text(getattr(result, form)(), encoding="utf-8")


def _names(given: list[str]) -> Mapping[str, str]:
    from bqsim.contract.errors import ContractError

    out = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise ContractError(f"--name {text}: NAME=VALUE is expected")
        out[name] = value
    return out
