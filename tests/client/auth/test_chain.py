"""Where credentials come from, against a token server and a metadata server of this machine."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bqclient import BigQueryClient, ClientConfig, Deadline, Endpoints, Secret
from bqclient.auth.chain import tokens_of
from bqclient.errors import CredentialsError
from tests.client.running import HeldTime

from .token_server import TokenServer, token_server

CANARY = "canary-refresh-token"
IMPERSONATED = (
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/other@p:generateAccessToken"
)
GOOGLE = Endpoints()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TokenServer]:
    """A token server, in an environment that has nothing of the user's."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with token_server() as found:
        real = httpx.request

        def here(method: str, url: str, **options: Any) -> httpx.Response:
            # Google's own addresses are answered on this machine, too.
            return real(method, re.sub(r"https://\w+\.googleapis\.com", found.url, url), **options)

        monkeypatch.setattr(httpx, "request", here)
        yield found


def _user(server: TokenServer) -> dict[str, Any]:
    return {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "canary-client-secret",
        "refresh_token": CANARY,
        "token_uri": f"{server.url}/token",
    }


def _service_account(server: TokenServer) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": pem.decode(),
        "client_email": "sa@p",
        "client_id": "1",
        "token_uri": f"{server.url}/token",
    }


def _impersonating(server: TokenServer) -> dict[str, Any]:
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": IMPERSONATED,
        "source_credentials": _user(server),
        "delegates": [],
    }


def _workload_identity(server: TokenServer, folder: Path) -> dict[str, Any]:
    (folder / "subject").write_text("canary-subject-token")
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{server.url}/sts",
        "credential_source": {"file": str(folder / "subject")},
    }


def _headers(config: ClientConfig, times: int = 1) -> list[str]:
    """The authorization of that many calls at once."""

    async def work() -> list[str]:
        runtime = HeldTime()
        tokens = tokens_of(config, runtime)
        deadline = Deadline.after(runtime, 60)
        found = await asyncio.gather(*(tokens.headers(deadline) for _ in range(times)))
        return [headers.get("authorization", "") for headers in found]

    return asyncio.run(work())


Made = Callable[[TokenServer, Path], dict[str, Any]]
FILES: dict[str, tuple[Made, list[str]]] = {
    "user": (lambda server, _: _user(server), ["/token"]),
    "service account": (lambda server, _: _service_account(server), ["/token"]),
    "impersonation": (
        lambda server, _: _impersonating(server),
        ["/token", IMPERSONATED.partition("googleapis.com")[2]],
    ),
    "workload identity": (_workload_identity, ["/sts"]),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("way", ["path", "environment"])
def test_files(
    server: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    make, paths = FILES[name]
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(make(server, tmp_path)))
    if way == "environment":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    given = str(file) if way == "path" else None
    config = ClientConfig(project="p", endpoints=GOOGLE, credentials=given)
    found = _headers(config, 5)
    # Five calls at once ask for one token.
    assert (found, server.paths()) == ([f"Bearer token-{len(paths)}"] * 5, paths)


def test_the_metadata_server(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_GCE_CHECK")
    monkeypatch.setenv("GCE_METADATA_HOST", server.address)
    monkeypatch.setenv("GCE_METADATA_IP", server.address)
    found = _headers(ClientConfig(project="p", endpoints=GOOGLE))
    assert found[0].startswith("Bearer token-")
    assert server.paths()[-1].endswith("/token")


def test_nothing_is_asked_for_on_this_machine(server: TokenServer) -> None:
    config = ClientConfig(project="p", endpoints=Endpoints(rest="http://127.0.0.1:1", plain_grpc=False))
    assert _headers(config) == [""]
    assert server.asked == []


def test_a_client_is_made_without_asking(server: TokenServer, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(_user(server)))
    BigQueryClient(project="p", endpoints=GOOGLE, credentials=str(file))
    assert server.asked == []


def test_a_token_of_the_callers_own(server: TokenServer) -> None:
    config = ClientConfig(project="p", endpoints=GOOGLE, credentials=Secret("mine"))
    assert _headers(config) == ["Bearer mine"]


def test_no_credentials_at_all(server: TokenServer) -> None:
    with pytest.raises(CredentialsError, match="chain of application default credentials"):
        _headers(ClientConfig(project="p", endpoints=GOOGLE))
    with pytest.raises(CredentialsError, match="key file"):
        _headers(ClientConfig(project="p", endpoints=GOOGLE, credentials="/nowhere.json"))


def test_a_failing_token_server_tells_no_secret(server: TokenServer, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(_user(server)))
    server.fail = 100
    with pytest.raises(CredentialsError) as raised:
        _headers(ClientConfig(project="p", endpoints=GOOGLE, credentials=str(file)))
    shown = f"{raised.value} {raised.value!r} {raised.value.__dict__}"
    assert "canary" not in shown


def test_tokens_are_renewed_before_they_end(server: TokenServer, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(_user(server)))
    config = ClientConfig(project="p", endpoints=GOOGLE, credentials=str(file), quota_project="paying")

    async def work() -> list[dict[str, str]]:
        runtime = HeldTime()
        tokens = tokens_of(config, runtime)
        found = []
        for wait in (0, 3000, 500):
            await runtime.sleep(wait)
            found.append(dict(await tokens.headers(Deadline.after(runtime, 60))))
        assert await tokens.renew()
        found.append(dict(await tokens.headers(Deadline.after(runtime, 60))))
        return found

    tokens = asyncio.run(work())
    assert [t["authorization"][-1] for t in tokens] == ["1", "1", "2", "3"]
    assert {t["x-goog-user-project"] for t in tokens} == {"paying"}
