from __future__ import annotations

import http.client
import socket

from .conftest import Control


def test_snapshots(control: Control) -> None:
    named = control.do("POST", "snapshots", {"name": "a"})["id"]
    control.dataset("d")
    assert control.do("GET", "snapshots")["snapshots"][0]["id"] == named == "a"
    assert control.do("POST", "snapshots/a/restore") == {"id": "a", "changed": 1}
    assert control.call("GET", "/datasets/d").status == 404
    assert control.ask("POST", "snapshots", {"name": "a"}).status == 409
    control.do("DELETE", "snapshots/a")
    assert control.ask("POST", "snapshots/a/restore").status == 404


def test_copies_of_projects(control: Control) -> None:
    control.dataset("d")
    copied = control.do("POST", "fork", {"into": "copy"})
    assert copied == {"project": "p", "into": "copy", "tables": 0}
    assert control.raw("GET", "/bigquery/v2/projects/copy/datasets/d").status == 200
    assert control.ask("POST", "fork", {"into": "copy"}).status == 409
    assert control.ask("POST", "fork", {}).reason == "required"
    control.call("DELETE", "/datasets/d")


def test_ports_of_scopes(control: Control) -> None:
    opened = control.do("POST", "scopes", {"name": "a"})
    assert {k: opened[k] for k in ("name",)} == {"name": "a"}
    control.do("POST", "faults", "blocked", scope="a")
    assert opened in control.do("GET", "scopes")["scopes"]
    own = http.client.HTTPConnection("127.0.0.1", opened["port"])
    own.request("DELETE", "/bqsim/v1/scopes/a")
    assert own.getresponse().status == 400
    own.close()
    assert control.ask("POST", "scopes", {"name": "a"}).status == 409
    assert control.ask("POST", "scopes", {"name": ""}).status == 400
    control.do("DELETE", "scopes/a")
    assert control.do("GET", "faults") == {"faults": []}
    assert control.ask("DELETE", "scopes/a").status == 404


def test_a_port_that_is_taken(control: Control) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for ports in ({"port": port}, {"grpcPort": port}, {"port": 99_999}):
            answer = control.ask("POST", "scopes", {"name": "b", **ports})
            assert answer.status == 400 and answer.message.startswith("Cannot listen: ")
    assert control.do("GET", "scopes")["scopes"] == []
