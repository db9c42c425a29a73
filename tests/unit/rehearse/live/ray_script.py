"""What a process does that has a Ray of its own: ``python -m tests.unit.rehearse.live.ray_script``."""

from __future__ import annotations

import json

from bqsim.rehearse.live.run import Options, run
from tests.bench.bare_jobs import serving

from .test_run import plan, rows


def main() -> None:
    told: list[int] = []
    with serving() as service:
        given = Options(for_s=0.6, drivers=2, spread="ray", simulate=False)
        report = run(plan(), service.url, given, progress=lambda now: told.append(now.sent))
    found = {
        "rows": list(rows(service)),
        "sent": report.tally.sent,
        "done": report.tally.whole().done,
        "told": told[-1],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
