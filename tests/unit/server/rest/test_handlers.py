from __future__ import annotations

import inspect

from bqsim.server.rest.handlers import HANDLERS
from bqsim.server.rest.methods import METHODS


def test_every_method_that_names_a_handler_has_it() -> None:
    assert set(HANDLERS) == {method.id for method in METHODS if method.handler}
    assert all(inspect.iscoroutinefunction(handler) for handler in HANDLERS.values())
    assert HANDLERS["bigquery.jobs.getQueryResults"].__name__ == "get_query_results"
