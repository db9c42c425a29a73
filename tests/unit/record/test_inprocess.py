from __future__ import annotations

import gzip
import io
import socket

import pytest
import requests

from bqsim.record.inprocess import listened
from tests.taps import ListTap
from tests.unit.record.proxy.peers import OK, answering, read_body, read_head, reset, upstream


def test_a_session_of_requests() -> None:
    packed = gzip.compress(b'{"a": 1}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX: 1\r\nContent-Length: {len(packed)}\r\n\r\n"
    seen: list[bytes] = []
    tap = ListTap()
    with upstream(answering(head.encode() + packed, OK, seen=seen)) as port, requests.Session() as session:
        url = f"http://127.0.0.1:{port}/bigquery/v2/projects?a=1"
        with listened(session, tap):
            # What was sent and what came is unchanged for both.
            assert session.post(url, json={"q": 1}, headers={"Authorization": "Bearer t"}).json() == {"a": 1}
            assert session.put(url, data=io.BytesIO(b"file")).text == "ok"
            assert session.put(url, data=iter([b"one", b"two"])).text == "ok"
            streamed = session.get(url, stream=True)
            assert b"".join(streamed.iter_content(1)) == b"ok"
        session.get(url)
    assert [s.rpartition(b"\r\n\r\n")[2] for s in seen] == [b'{"q": 1}', b"file", b"onetwo", b"", b""]
    assert [call.request for call in tap.calls] == [b'{"q": 1}', b"file", b"onetwo", b""]
    assert [call.response for call in tap.calls] == [packed, b"ok", b"ok", b"ok"]
    first = tap.calls[0]
    assert (first.verb, first.target, first.host) == (
        "POST",
        "/bigquery/v2/projects?a=1",
        f"127.0.0.1:{port}",
    )
    assert dict(first.headers)["authorization"] == "Bearer t"
    assert dict(first.answer_headers)["x"] == "1"
    assert [call.broken for call in tap.calls] == ["", "", "", ""]


@pytest.mark.parametrize("how", ["refused", "reset", "closed", "timeout", "tls"])
def test_calls_that_break(how: str) -> None:
    def script(connection: socket.socket) -> None:
        if how == "tls":
            connection.sendall(OK)
            return
        read_body(connection, read_head(connection))
        if how == "reset":
            reset(connection)
        elif how == "timeout":
            connection.recv(1)

    tap = ListTap()
    with upstream(script) as port, requests.Session() as session, listened(session, tap):
        scheme, place = ("https" if how == "tls" else "http"), port
        if how == "refused":
            with socket.create_server(("127.0.0.1", 0)) as listener:
                place = listener.getsockname()[1]
        with pytest.raises(requests.RequestException):
            session.get(f"{scheme}://127.0.0.1:{place}/", timeout=(20, 0.2 if how == "timeout" else 20))
    assert tap.calls[0].broken == how
