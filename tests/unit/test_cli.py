from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bqsim import __version__
from bqsim.cli import main
from tests import servers


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A ``bqsim serve`` process and the first line it prints."""
    command = [sys.executable, "-m", "bqsim.cli", "serve", "--port", "0", "--grpc-port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=servers.own_environment()
    ) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline()
        finally:
            child.kill()


def address(line: str) -> str:
    found = re.search(r"http://\S+", line)
    assert found, line
    return found[0]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_a_ready_line_and_stops_cleanly(signum: signal.Signals) -> None:
    with serving("--project", "demo") as (child, line):
        url = address(line)
        target = re.search(r"gRPC (\S+)", line)
        assert target, line
        assert child.stdout is not None
        assert child.stdout.readline() == f"export BIGQUERY_EMULATOR_HOST={url}\n"
        assert child.stdout.readline() == f"export BIGQUERY_STORAGE_GRPC_ENDPOINT={target[1]}\n"
        assert child.stdout.readline() == f"export STORAGE_EMULATOR_HOST={url}\n"
        assert child.stdout.readline() == "export GOOGLE_CLOUD_PROJECT=demo\n"
        with urllib.request.urlopen(f"{url}/bqsim/v1/health") as answer:
            assert answer.status == 200
        child.send_signal(signum)
        assert child.wait(20) == 0
        assert "stopped" in child.stdout.read()


def test_taken_port_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["serve", "--port", port, "--grpc-port", "0"]) == 1
        assert main(["serve", "--port", "0", "--grpc-port", port]) == 1
    assert "cannot start" in capsys.readouterr().err


def test_data_outlives_the_process(tmp_path: Path) -> None:
    body = b'{"datasetReference": {"datasetId": "kept"}}'
    with serving("--data-dir", str(tmp_path)) as (child, line):
        path = f"{address(line)}/bigquery/v2/projects/p/datasets"
        with urllib.request.urlopen(urllib.request.Request(path, body, method="POST")) as answer:
            assert answer.status == 200
        child.send_signal(signal.SIGTERM)
        child.wait(20)
    with serving("--data-dir", str(tmp_path)) as (child, line):
        with urllib.request.urlopen(f"{address(line)}/bigquery/v2/projects/p/datasets/kept") as answer:
            assert answer.status == 200
        child.send_signal(signal.SIGTERM)
        child.wait(20)


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["serve", "--port", "70000"], ["serve", "--port", "x"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_data_dir_is_for_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving("--data-dir", str(tmp_path)):
        assert main(["serve", "--port", "0", "--data-dir", str(tmp_path)]) == 1
    assert "in use by another" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bqsim {__version__}\n"


def test_warm_says_where_the_analyzer_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["warm"]) == 0
    assert "GoogleSQL analyzer" in capsys.readouterr().out


def test_importing_bqsim_imports_nothing_heavy() -> None:
    code = "import sys, bqsim, bqsim.cli, bqsim.pytest_plugin; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    ).stdout.split()
    heavy = {"duckdb", "pyarrow", "wasmtime", "sqlglot", "aiohttp", "google.cloud", "asyncio", "pandas"}
    heavy |= {"numpy", "numba", "ray"}
    assert not heavy & set(found)
