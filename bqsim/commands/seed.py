"""``bqsim seed``: datasets, tables and rows from YAML, SQL and folders of files into a simulator.

Seeds go into a running simulator (``--url``), whatever faults are in force there, or into a directory that
``bqsim serve --data-dir`` keeps its data in. Run again, ``--if-missing`` adds what is not there and
``--replace`` makes tables, views and routines anew. See :mod:`bqsim.seeding` for what seeds look like.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bqsim.settings import Settings

from .remote import DEFAULT

if TYPE_CHECKING:
    from bqsim.seeding import Api


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``seed``."""
    add = parser.add_argument
    add("sources", nargs="*", metavar="SEED", help="a .yaml file, a .sql script, or a folder of datasets")
    add("--schema", action="store_true", help="print the JSON Schema of seed files, for editors")
    add("--check", action="store_true", help="tell what is wrong in the seeds, and change nothing")
    add_existing(parser)
    add_target(parser)
    add("--random-seed", type=int, default=0, metavar="N", help="seed of generated rows (default 0)")
    add("--quiet", action="store_true", help="tell nothing but errors")


def add_existing(parser: argparse.ArgumentParser) -> None:
    """Add what becomes of tables that are there already."""
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--replace", action="store_true", help="take the place of what is there already")
    existing.add_argument("--if-missing", action="store_true", help="leave what is there already as it is")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where things go."""
    target = parser.add_mutually_exclusive_group()
    default = os.environ.get("BIGQUERY_EMULATOR_HOST") or DEFAULT
    target.add_argument(
        "--url", default=default, help="a running simulator (BIGQUERY_EMULATOR_HOST; now %(default)s)"
    )
    target.add_argument("--data-dir", type=Path, help="a directory of bqsim serve --data-dir, not in use")
    parser.add_argument("--project", help="project to fill (GOOGLE_CLOUD_PROJECT, else the simulator's)")
    parser.add_argument("--token", default="", help="bearer token, for servers that want one")


def run(given: argparse.Namespace) -> int:
    """Fill the simulator; 1 and the reasons on standard error for wrong seeds and refused calls."""
    if given.schema:
        from bqsim.seeding.model import Seed
        from bqsim.sim.scenario.schema import json_schema

        print(json.dumps(json_schema(Seed, "bqsim seed"), indent=2))
        return 0
    if not given.sources:
        print("bqsim seed: name a .yaml file, a .sql script or a folder", file=sys.stderr)
        return 2
    from bqsim.seeding import ApiError, SeedError, check, seed

    say = (lambda text: None) if given.quiet else print
    try:
        if given.check:
            check(*given.sources)
            say("ok")
            return 0
        with target_of(given) as api:
            report = seed(
                api,
                *given.sources,
                existing=existing_of(given),
                random_seed=given.random_seed,
                say=say,
            )
    except (SeedError, ApiError) as error:
        print(error, file=sys.stderr)
        return 1
    say(report.summary())
    return 0


def existing_of(given: argparse.Namespace) -> str:
    """What becomes of what is there, as :class:`bqsim.seeding.Existing` spells it."""
    return "replace" if given.replace else "if-missing" if given.if_missing else "refuse"


@contextmanager
def target_of(given: argparse.Namespace) -> Iterator[Api]:
    """The API of the simulator that the options name, started for the time being over a data directory."""
    from bqsim.seeding import Api

    project = given.project or os.environ.get("GOOGLE_CLOUD_PROJECT") or Settings().project
    if given.data_dir is None:
        yield Api(given.url, project, given.token)
        return
    from bqsim.simulator import start

    with start(project=project, data_dir=given.data_dir) as simulator:
        yield Api(simulator.url, project)
