"""``bqsim import``: the schemas and statistics of a real project, without its rows.

Tables become shadow tables: dry runs on them tell the bytes that they would read in production, with
partitions pruned, and tables.get, TABLE_STORAGE and PARTITIONS show the same figures. Running a query on them
is an error until rows were loaded, unless ``--generate-rows`` asks for generated ones.

The statistics come from files: results of the queries that ``--print-queries`` shows, as CSV, JSON or
Parquet, or documents of ``bq show --format=json``. Or, with ``--from-project``, from BigQuery itself, with
the credentials of this environment.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .seed import add_existing, add_target, existing_of, target_of

if TYPE_CHECKING:
    from bqsim.seeding.exports import Exports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``import``."""
    parser.description = __doc__.partition("\n\n")[2].replace("``", "") if __doc__ else None
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("exports", nargs="*", metavar="EXPORT", help="exported files, or folders of them")
    add("--print-queries", action="store_true", help="print the commands that export what is needed")
    add("--region", default="us", help="region that --print-queries asks (default %(default)s)")
    add("--from-project", metavar="PROJECT", help="read this project through the API instead of files")
    add("--from-url", metavar="URL", help="its API, when it is not Google's: another simulator's address")
    add(
        "--no-partitions",
        action="store_true",
        help="do not query PARTITIONS (10 MiB are billed for each dataset)",
    )
    add("--column-bytes", action="store_true", help="measure each column by a dry run, which is free")
    add("--only", action="append", default=[], metavar="PATTERN", help="only this dataset or dataset.table")
    add(
        "--generate-rows",
        type=int,
        metavar="N",
        help="make N rows for each table when they are first asked for",
    )
    add_existing(parser)
    add_target(parser)
    add("--quiet", action="store_true", help="tell nothing but errors")


def run(given: argparse.Namespace) -> int:
    """Import; 1 and the reasons on standard error for wrong files and refused calls."""
    if given.print_queries:
        from bqsim.seeding.queries import export_script

        datasets = [one.partition(".")[0] for one in given.only]
        print(export_script(given.from_project or given.project or "", given.region, datasets), end="")
        return 0
    if not given.exports and not given.from_project:
        print("bqsim import: name exported files (see --print-queries) or --from-project", file=sys.stderr)
        return 2
    from bqsim.seeding import ApiError, SeedError
    from bqsim.seeding.importing import import_project
    from bqsim.seeding.project import assemble

    say = (lambda text: None) if given.quiet else print
    try:
        project = assemble(_exports(given), given.generate_rows)
        with target_of(given) as api:
            report = import_project(
                api, project, existing=existing_of(given), into=given.project, only=given.only, say=say
            )
    except (SeedError, ApiError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    say(report.summary())
    return 0


def _exports(given: argparse.Namespace) -> Exports:
    from bqsim.seeding.exports import read_exports

    if not given.from_project:
        return read_exports(given.exports)
    from bqsim.seeding import Api
    from bqsim.seeding.live import export, google_api

    source = Api(given.from_url, given.from_project) if given.from_url else google_api(given.from_project)
    return export(
        source,
        only=given.only,
        partitions=not given.no_partitions,
        column_bytes=given.column_bytes,
        say=(lambda text: None) if given.quiet else print,
    )
