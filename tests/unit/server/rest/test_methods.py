from __future__ import annotations

import pytest

from bqsim.server.rest.methods import METHODS, NoMethod, match
from bqsim.server.rest.schemas import MESSAGES


def test_the_table_has_all_47_methods_once() -> None:
    assert len(METHODS) == 47
    assert len({m.id for m in METHODS}) == 47
    assert len({(m.verb, m.path) for m in METHODS}) == 47


def test_messages_of_the_table_exist() -> None:
    for method in METHODS:
        assert {method.request, method.response} - {None} <= set(MESSAGES), method.id


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.id)
def test_every_method_is_routed_to_itself(method: object) -> None:
    path = method.path  # type: ignore[attr-defined]
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    for name in names:
        path = path.replace("{" + name + "}", f"v-{name}")
    found = match(method.verb, path)  # type: ignore[attr-defined]
    assert found.method is method
    assert found.path == {name: f"v-{name}" for name in names}


def test_decorated_table_ids_are_part_of_the_id() -> None:
    assert match("GET", "projects/p/datasets/d/tables/t$20240101").path["tableId"] == "t$20240101"
    assert match("GET", "projects/p/datasets/d/tables/t%24%E2%82%AC").path["tableId"] == "t$€"


def test_projects_of_a_domain_have_a_colon() -> None:
    found = match("GET", "projects/example.com:p/datasets")
    assert found.path["projectId"] == "example.com:p"
    assert match("GET", "projects/example.com:p/datasets/d").path["datasetId"] == "d"


def test_resource_leaves_out_the_custom_verb() -> None:
    found = match("POST", "projects/p/datasets/d/tables/t:getIamPolicy")
    assert found.resource == "projects/p/datasets/d/tables/t"
    assert found.method.id == "bigquery.tables.getIamPolicy"


@pytest.mark.parametrize(
    "path", ["", "project", "projects/p/x", "projects//datasets", "projects/p/datasets/d/tables/t/"]
)
def test_unknown_paths(path: str) -> None:
    with pytest.raises(NoMethod) as caught:
        match("GET", path)
    assert caught.value.verbs == ()


def test_wrong_verb_names_the_right_ones() -> None:
    with pytest.raises(NoMethod) as caught:
        match("PUT", "projects/p/datasets")
    assert sorted(caught.value.verbs) == ["GET", "POST"]
