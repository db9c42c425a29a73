"""The part of ``make demo`` that records, replays, and checks what a change would cost."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bqsim.simulator import Simulator

Heading = Callable[[str], None]

VISITS = (
    "SELECT page, COUNT(*) AS visits FROM shop.visits WHERE day = '2026-01-15' GROUP BY page ORDER BY page"
)

# A table of 58 days, 2 GB each: statistics without rows, as an import of a real project makes them.
DAYS = [f"202601{day:02}" for day in range(1, 31)] + [f"202602{day:02}" for day in range(1, 29)]
SHADOW = """
datasets:
  shop:
    tables:
      visits:
        schema: {id: INT64 NOT NULL, page: STRING NOT NULL, day: DATE NOT NULL}
        partition_by: day
        statistics:
          partitions:
""" + "".join(f'            "{day}": {{rows: 50000000, bytes: 2000000000}}\n' for day in DAYS)
CHEAP = "SELECT page, COUNT(*) AS visits\nFROM shop.visits\nWHERE day = '2026-01-15'\nGROUP BY page\n"
DEAR = CHEAP.replace("day = '2026-01-15'", "day = '2026-01-15' OR page = '/'")


def recordings(sim: Simulator, heading: Heading) -> None:
    """Record a program through the proxy, replay it to other ways of asking, check the cost of a change."""
    with tempfile.TemporaryDirectory() as folder:
        _replay(sim, Path(folder), heading)
        _cost(Path(folder), heading)


def _replay(sim: Simulator, folder: Path, heading: Heading) -> None:
    from bqsim.record.recording import recording
    from bqsim.replay.server import ReplayServer

    heading("A recording: Google's client through a proxy, into a cassette")
    with recording(
        folder / "shop.cassette", upstream=sim.url, upstream_grpc=sim.grpc_target, project=sim.project
    ) as run:
        client = run.client()
        recorded = [row.values() for row in client.query_and_wait(VISITS)]
        client.close()
    cassette = run.cassette
    assert cassette is not None
    print(
        f"   {len(cassette)} operation(s), {sum(f.stat().st_size for f in files_of(cassette.folder)):,} bytes"
    )

    heading("Replayed without the simulator: other spelling, pages of 7 rows, and the Storage API")
    with ReplayServer(cassette, project="another-project") as replay:
        client = replay.client()
        asked = client.query(VISITS.lower().replace("format", "FORMAT").replace(" from ", "\n  FROM "))
        paged = [row.values() for row in asked.result(page_size=7)]
        arrow = client.query(VISITS).to_arrow()
        print(f"   {len(paged)} rows by pages, {arrow.num_rows} as Arrow; equal: {paged == recorded}")
        client.close()
        report = replay.report()
    print("   " + report.text.strip().replace("\n", "\n   "))


def files_of(folder: Path) -> list[Path]:
    """The files of a cassette."""
    return [path for path in folder.rglob("*") if path.is_file()]


def _cost(folder: Path, heading: Heading) -> None:
    from . import cost

    heading("A cost check: a partition filter is lost in a change, found offline on tables without rows")
    queries, tables = folder / "sql", folder / "tables.yaml"
    queries.mkdir()
    tables.write_text(SHADOW)
    given = [str(queries), "--tables", str(tables), "--project", "p", "--baseline", str(folder / "cost.yaml")]
    for act, sql in (("baseline", CHEAP), ("check", DEAR)):
        (queries / "visits.sql").write_text(sql)
        told = StringIO()
        with redirect_stdout(told):
            parser = argparse.ArgumentParser()
            cost.add_arguments(parser)
            code = cost.run(parser.parse_args([act, *given]))
        print(f"   bqsim cost {act}: exit code {code}")
        print("\n".join(f"      {line}" for line in told.getvalue().splitlines() if line.strip()))
