from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bqsim import cli
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.recording import Upstreams, recording, unfinished
from bqsim.simulator import Simulator

ASK = (
    "import os, urllib.request; "
    "print(urllib.request.urlopen(os.environ['BIGQUERY_EMULATOR_HOST'] + '/bigquery/v2/projects').status); "
    "raise SystemExit(int(os.environ.get('CODE', '0')))"
)


@pytest.fixture(scope="module")
def sim() -> object:
    with Simulator() as simulator:
        yield simulator


def words(sim: Simulator, out: Path, *more: str) -> list[str]:
    to = ["--upstream", sim.url, "--upstream-grpc", sim.grpc_target]
    return ["record", "--out", str(out), *to, *more]


def test_a_command_is_recorded(
    sim: Simulator, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.cassette"
    monkeypatch.setenv("CODE", "3")
    # The exit code is the command's.
    assert cli.main(words(sim, out, "--", sys.executable, "-c", ASK)) == 3
    told = capfd.readouterr()
    assert told.out == "200\n"
    assert told.err == f"bqsim record: recorded 1 operation into {out}\n"
    [operation] = Cassette.open(out).operations()
    assert (operation.kind, operation.request["method"]) == ("metadata", "bigquery.projects.list")

    # Once is once.
    assert cli.main(words(sim, out, "--", sys.executable, "-c", ASK)) == 1
    assert "recorded already" in capfd.readouterr().err
    text = (out / "operations.txt").read_bytes()
    for mode in ("rewrite", "all"):
        assert cli.main(words(sim, out, "--mode", mode, "--", sys.executable, "-c", ASK)) == 3
        assert (out / "operations.txt").read_bytes() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.cassette", "a.measures.jsonl"]


def test_a_command_that_is_not_there(
    sim: Simulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(sim, tmp_path / "a.cassette", "--", "no-such-command")) == 127
    assert "cannot run no-such-command" in capfd.readouterr().err


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serving_until_told_to_stop(sim: Simulator, tmp_path: Path, end: signal.Signals) -> None:
    out = tmp_path / "a.cassette"
    command = [sys.executable, "-m", "bqsim.cli", *words(sim, out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline().startswith("bqsim records: REST http://127.0.0.1:")
        lines = [child.stdout.readline() for _ in range(3)]
        given = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        assert urllib.request.urlopen(given["BIGQUERY_EMULATOR_HOST"] + "/bigquery/v2/projects").status == 200
        child.send_signal(end)
        assert child.wait(30) == 0
        assert "recorded 1 operation" in child.stderr.read()
    assert len(Cassette.open(out)) == 1


def test_a_killed_recording_is_recovered(
    sim: Simulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.cassette"
    command = [sys.executable, "-m", "bqsim.cli", *words(sim, out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        url = child.stdout.readline().strip().partition("=")[2]
        for _ in range(2):
            urllib.request.urlopen(url + "/bigquery/v2/projects").read()
        child.kill()
    assert unfinished(out) == out
    assert cli.main(words(sim, out, "--", "true")) == 1
    assert "--recover" in capfd.readouterr().err
    assert cli.main(["record", "--out", str(out), "--recover"]) == 0
    assert "recovered" in capfd.readouterr().err
    assert unfinished(out) is None
    Cassette.open(out)
    assert cli.main(["record", "--out", str(out), "--recover"]) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--upstream", "ftp://x"], "no address of an HTTP server"),
        (["--upstream-ca", "none.pem"], "cannot record"),
        (["--policy", "none.yaml"], "cannot record"),
        (["--tls-key", "k.pem"], "--tls-certificate"),
    ],
)
def test_what_cannot_be_recorded(
    given: list[str], told: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["record", "--out", str(tmp_path / "a.cassette"), *given, "--", "true"]) == 1
    assert told in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "size"), [("8MiB", 8 << 20), ("100KB", 100_000), ("7", 7), ("all", None)])
def test_sizes(text: str, size: int | None) -> None:
    from bqsim.commands.record import _size

    assert _size(text) == size
    with pytest.raises(argparse.ArgumentTypeError):
        _size("many")


def test_upstreams() -> None:
    google = Upstreams.of()
    assert (google.rest, google.grpc, google.storage) == (
        "https://bigquery.googleapis.com",
        "bigquerystorage.googleapis.com:443",
        None,
    )
    assert Upstreams.of("localhost:9050").grpc == "localhost:9060"
    assert Upstreams.of("http://[::1]:9050").grpc == "[::1]:9060"
    named = {"BIGQUERY_EMULATOR_HOST": "http://e:1", "BIGQUERY_STORAGE_GRPC_ENDPOINT": "e:2"}
    assert Upstreams.of(environment=named) == Upstreams("http://e:1", "e:2")
    assert Upstreams.of("http://f:1", environment=named).grpc == "f:9060"
    assert Upstreams.of(environment={**named, "STORAGE_EMULATOR_HOST": "http://e:3"}).storage == "http://e:3"


def test_clients_of_a_recording(sim: Simulator, tmp_path: Path) -> None:
    out = tmp_path / "a.cassette"
    place = {"upstream": sim.url, "upstream_grpc": sim.grpc_target, "project": sim.project}
    with recording(out, **place) as made:
        client = made.client()
        assert client.query("SELECT 7 AS n").to_arrow().to_pylist() == [{"n": 7}]
        assert made.environment()["GOOGLE_CLOUD_PROJECT"] == sim.project
    assert made.cassette is not None
    assert [operation.kind for operation in made.cassette.operations()] == ["query"]
    assert os.path.exists(out / "cassette.json")
    with pytest.raises(ValueError, match="mode is one of"), recording(out, mode="never"):
        raise AssertionError
