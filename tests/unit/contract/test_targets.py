import pytest

from bqsim.contract.check import check
from bqsim.contract.errors import ContractError
from bqsim.contract.suites import Suite
from bqsim.contract.targets import Target, opened


def test_urls_have_options_and_names() -> None:
    texts = ["emulator=http://127.0.0.1:9050/,grpc=127.0.0.1:9060,project=p,token=t", "http://[::1]:5"]
    with opened(texts, "other") as targets:
        one, two = targets
    assert (one.name, one.url, one.grpc, one.project, one.token) == (
        "emulator",
        "http://127.0.0.1:9050",
        "127.0.0.1:9060",
        "p",
        "t",
    )
    assert (two.name, two.grpc, two.project) == ("http://[::1]:5", "", "other")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["nowhere"], "'nowhere' is no endpoint"),
        (["http://x,colour=red"], "have no option colour"),
        (["http://x,grpc"], "'grpc' is no option"),
        (["a=http://x", "a=http://y"], "two endpoints are called 'a'"),
    ],
)
def test_texts_that_are_no_endpoints(texts: list[str], message: str) -> None:
    with pytest.raises(ContractError, match=message), opened(texts):
        pass


def test_an_endpoint_that_does_not_answer_is_told() -> None:
    suite = Suite("s")
    suite.add({"query": "SELECT 1"})
    result = check(suite, [Target("gone", "http://127.0.0.1:1")])
    assert (result.exit_code, result.outcomes[0].verdict) == (1, "broken")
    assert "no answer" in result.text()
