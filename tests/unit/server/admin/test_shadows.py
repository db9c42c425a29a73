from __future__ import annotations

import pytest

import bqsim
from bqsim.catalog.shadow import WHOLE, ShadowStatistics
from bqsim.seeding import Api, ApiError, seed


def test_statistics_are_put_and_taken_away() -> None:
    with bqsim.start(project="shown") as sim:
        api = Api(sim.url, "shown")
        seed(api, "datasets: {d: {tables: {t: {schema: {id: INT64}, rows: [{id: 1}]}}}}\n")
        told = ShadowStatistics({"id": 80}, {WHOLE: (10, 80, 0)})
        assert api.control("PUT", "shadows", {"tables": {"d.t": told.to_text()}}) == {"tables": 1}
        shown = {"rows": 10, "bytes": 80, "partitions": 1, "accuracy": "PRECISE", "ownRows": 1}
        assert api.control("GET", "shadows") == {"tables": {"d.t": shown}}
        assert api.call("GET", "datasets/d/tables/t")["numRows"] == "10"
        api.control("PUT", "shadows", {"project": "shown", "tables": {"d.t": None}})
        assert api.control("GET", "shadows") == {"tables": {}}
        assert api.call("GET", "datasets/d/tables/t")["numRows"] == "1"
        wrong = (({"d.t": "{}"}, "statistics of d.t"), ({"d.t": 5}, "of d.t"), ({"d.x": None}, "Not found"))
        for tables, what in wrong:
            with pytest.raises(ApiError, match=what):
                api.control("PUT", "shadows", {"tables": tables})
