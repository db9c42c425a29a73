import pytest

from bqsim.contract.storing import path_of
from bqsim.server.gcs.methods import METHODS

KNOWN = {method.id: method for method in METHODS}


@pytest.mark.parametrize(
    ("method", "resource", "path"),
    [
        ("storage.buckets.list", "b", "b"),
        ("storage.objects.get", "b/x/o/a/b c.csv", "b/x/o/a%2Fb%20c.csv"),
        ("storage.objects.compose", "b/x/o/a/b/compose", "b/x/o/a%2Fb/compose"),
        ("storage.objects.rewrite", "b/x/o/a/rewriteTo/b/y/o/c/d", "b/x/o/a/rewriteTo/b/y/o/c%2Fd"),
        ("storage.objects.get", "b/x", None),
        ("storage.buckets.get", "b/x/o/y", None),
    ],
)
def test_names_in_paths_are_quoted(method: str, resource: str, path: str | None) -> None:
    assert path_of(KNOWN[method], resource) == path
