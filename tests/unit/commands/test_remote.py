from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bqsim.cli import main
from bqsim.commands.remote import Refused, Server, segment, table


class Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(418 if "tea" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    """A server that is no simulator."""
    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_addresses() -> None:
    assert Server("127.0.0.1:9050/").url == "http://127.0.0.1:9050"
    assert Server("https://x/").url == "https://x"


def test_what_is_no_simulator(other: str) -> None:
    with pytest.raises(Refused, match="answers 418: this is no simulator"):
        Server(other).call("GET", "tea")
    with pytest.raises(Refused, match="no simulator answers at"):
        Server(other).call("GET", "clock")


def test_nobody_answers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "127.0.0.1:1")
    assert main(["clock", "show"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("bqsim: no simulator answers at http://127.0.0.1:1 (")
    assert "start one with `bqsim serve`, or name it with --server" in said


def test_the_option_comes_before_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "127.0.0.1:1")
    assert main(["clock", "show", "--server", "http://127.0.0.1:2"]) == 1
    assert "at http://127.0.0.1:2 " in capsys.readouterr().err


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    table([("a", "long"), ("bbb", "")], ("X", "Y"))
    assert capsys.readouterr().out == "X    Y\na    long\nbbb\n"
    assert segment("a/b c") == "a%2Fb%20c"
