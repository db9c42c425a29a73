"""Jobs at work."""

from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.sim.clock import SimulationClock
from bqsim.sim.limits import Facts, Limits, Moment, Setup
from bqsim.sim.limits.gate import Enforcement
from bqsim.sim.limits.work import Working, working, works_for


def test_a_size_is_held_against_the_limits_of_the_job() -> None:
    enforcement = Enforcement(Limits(Setup(amounts={"columns_per_table": 3})), SimulationClock(0, 0))
    facts = Facts(Moment.QUEUE, project="p", region="us", job_type="QUERY", statement_type="SCRIPT")
    assert working() is None
    with works_for(Working(enforcement, facts)):
        work = working()
        assert work is not None
        work.charge(Moment.COMMIT, {"columns": 3}, table="p:d.t")
        with pytest.raises(BigQueryError, match="Too many total leaf fields: 4"):
            work.charge(Moment.COMMIT, {"columns": 4}, table="p:d.t")
        work.statement_type = "INSERT"
        for _ in range(9):
            # DML counts as updates of a table, and is never refused for them.
            work.charge(Moment.COMMIT, table="p:d.t")
        work.statement_type = "ALTER_TABLE"
        with pytest.raises(BigQueryError, match="too many table update operations"):
            work.charge(Moment.COMMIT, table="p:d.t")
    assert working() is None
