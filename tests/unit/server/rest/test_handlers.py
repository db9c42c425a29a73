from __future__ import annotations

import inspect
import subprocess
import sys

from bqsim.server.rest.handlers import HANDLERS
from bqsim.server.rest.methods import METHODS


def test_every_method_that_names_a_handler_has_it() -> None:
    assert set(HANDLERS) == {method.id for method in METHODS if method.handler}
    assert all(inspect.iscoroutinefunction(handler) for handler in HANDLERS.values())
    assert HANDLERS["bigquery.jobs.getQueryResults"].__name__ == "get_query_results"


def test_the_table_of_methods_does_not_bring_the_engine() -> None:
    code = (
        "import sys, bqsim.server.rest.methods, bqsim.replay.rest\n"
        "print([m for m in ('bqsim.sql', 'bqsim.jobs', 'duckdb', 'sqlglot') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
