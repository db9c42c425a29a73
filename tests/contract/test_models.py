"""Models through Google's client, and from one life of a data directory to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions

from bqsim.settings import Settings
from bqsim.simulator import Simulator

pytestmark = pytest.mark.fidelity(
    "rest:bigquery.models.get, rest:bigquery.models.list, rest:bigquery.models.patch, "
    "rest:bigquery.models.delete",
    "exact",
)
CREATE = "OPTIONS (model_type='linear_reg') AS SELECT 1 AS x, 2.5 AS label"


def test_models(tmp_path: Path) -> None:
    settings = Settings(project="modelled", data_dir=tmp_path / "data")
    with Simulator(settings) as simulator:
        client = simulator.client()
        client.create_dataset("d")
        for name in ("b", "a"):
            client.query_and_wait(f"CREATE MODEL d.{name} {CREATE}")
        _check(client)
        client.delete_model("modelled.d.b")
        with pytest.raises(exceptions.NotFound, match="Not found: Model modelled:d"):
            client.get_model("modelled.d.b")
    with Simulator(settings) as simulator:
        client = simulator.client()
        assert [m.model_id for m in client.list_models("d")] == ["a"]
        assert client.get_model("modelled.d.a").description == "told"


def _check(client: Any) -> None:
    assert [m.model_id for m in client.list_models("d")] == ["a", "b"]
    model = client.get_model("modelled.d.a")
    assert model.model_type == "LINEAR_REGRESSION"
    assert [c.name for c in model.feature_columns] == ["x"]
    assert [c.name for c in model.label_columns] == ["label"]
    model.description, model.labels = "told", {"team": "ml"}
    changed = client.update_model(model, ["description", "labels"])
    assert (changed.description, changed.labels) == ("told", {"team": "ml"})
    with pytest.raises(exceptions.PreconditionFailed):
        client.update_model(model, ["description"])
    pages = client.list_models("d", page_size=1, max_results=2).pages
    assert [[m.model_id for m in page] for page in pages] == [["a"], ["b"]]
