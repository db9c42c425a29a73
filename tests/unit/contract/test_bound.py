import pytest

from bqsim.contract.bound import Bound, Unbound
from bqsim.sim.draws import Draws

OP, OTHER = "0123456789abcdef.1", "fedcba9876543210.1"


def bound() -> Bound:
    return Bound("here", {"orders": "orders_ci"}, Draws(7))


@pytest.mark.parametrize(
    ("text", "found", "same"),
    [
        ("plain", "plain", True),
        ("plain", "other", False),
        ("${project}:d.t", "here:d.t", True),
        ("${project}:d.t", "there:d.t", False),
        ("${name:orders}.t", "orders_ci.t", True),
        ("${name:orders}.t", "orders.t", False),
        ("${etag}", "anything", True),
        ("${job}", "some-job", True),
        ("${job}", 5, False),
        ("${time:a.ms}", 17, True),
        ("${measure:timeline}", [{"x": 1}], True),
        ("${measure:x}", None, False),
        ("costs $${$}{x}", "costs $${x}", True),
        ("projects/${project}/jobs/${job}", "projects/here/jobs/j1", True),
        ("projects/${project}/jobs/${job}", "projects/here/tables/j1", False),
    ],
)
def test_recorded_texts_match_what_they_stand_for(text: str, found: object, same: bool) -> None:
    assert bound().matches(text, found, OP) is same


def test_an_identity_is_the_same_wherever_it_stands() -> None:
    here = bound()
    assert here.matches("${job}", "j1", OP)
    assert not here.matches("jobs/${job}", "jobs/j2", OP)
    assert here.matches(f"${{job@{OP}}}", "j1", OTHER)
    assert here.matches("${job}", "j2", OTHER)
    assert here.rendered({"id": f"x-${{job@{OP}}}"}, OTHER) == {"id": "x-j1"}


def test_requests_have_fresh_identities_or_none() -> None:
    here = bound()
    made = here.rendered("${random}", OP)
    assert made == here.rendered(f"${{random@{OP}}}", OTHER)
    assert made != here.rendered("${random}", OTHER)
    with pytest.raises(Unbound, match="page"):
        here.rendered("${page}", OP)
