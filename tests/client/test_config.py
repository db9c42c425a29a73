"""Settings: where the service is, what is refused."""

from __future__ import annotations

import pytest

from bqclient import BigQueryClient, ClientConfig, Endpoints
from bqclient.config import is_loopback
from bqclient.errors import InsecureTransportError, UsageError


def test_emulator_variables() -> None:
    found = Endpoints.from_environment(
        {
            "BIGQUERY_EMULATOR_HOST": "localhost:9050",
            "BIGQUERY_STORAGE_GRPC_ENDPOINT": "127.0.0.1:9060",
            "STORAGE_EMULATOR_HOST": "http://[::1]:9050/",
        }
    )
    assert (found.rest, found.grpc, found.objects) == (
        "http://localhost:9050",
        "127.0.0.1:9060",
        "http://[::1]:9050",
    )
    assert found.plain_grpc
    assert found.emulated
    found.check()
    assert Endpoints.from_environment({}) == Endpoints()
    assert not Endpoints().emulated
    # A host elsewhere is spoken to in TLS unless told otherwise.
    assert Endpoints.from_environment({"BIGQUERY_EMULATOR_HOST": "ci:9050"}).rest == "https://ci:9050"


@pytest.mark.parametrize("host", ["localhost", "a.localhost:1", "127.0.0.1:80", "127.9.9.9", "[::1]:1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org:1", "10.0.0.1", "0.0.0.0", ""])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


def test_plain_text_elsewhere_is_refused_unless_trusted() -> None:
    for given in ({"rest": "http://ci:1"}, {"objects": "http://ci:1"}, {"grpc": "ci:1", "plain_grpc": True}):
        with pytest.raises(InsecureTransportError):
            ClientConfig(project="p", endpoints=Endpoints(**given))  # type: ignore[arg-type]
        ClientConfig(project="p", endpoints=Endpoints(**given, trusted_network=True))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="http or https"):
        ClientConfig(project="p", endpoints=Endpoints(rest="bigquery.googleapis.com"))


def test_settings_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with pytest.raises(UsageError, match="project"):
        ClientConfig(project="")
    with pytest.raises(UsageError, match="timeout"):
        ClientConfig(project="p", timeout=0)
    with pytest.raises(UsageError, match="project"):
        BigQueryClient.builder().location("EU").build()
    with pytest.raises(TypeError):
        BigQueryClient(project="p", colour="red")


def test_the_builder_gives_the_same_settings() -> None:
    place = Endpoints(rest="http://127.0.0.1:1")
    built = (
        BigQueryClient.builder()
        .project("p")
        .location("EU")
        .timeout(5)
        .default_dataset("d")
        .maximum_bytes_billed(1)
        .labels(team="a")
        .endpoints(place)
        .config()
    )
    assert built == ClientConfig(
        project="p",
        location="EU",
        timeout=5,
        default_dataset="d",
        maximum_bytes_billed=1,
        labels={"team": "a"},
        endpoints=place,
    )
    assert built.but(location="US").location == "US"
