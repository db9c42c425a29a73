from __future__ import annotations

import email.parser
import email.policy
import json

import pytest

from tests.conftest import Http

pytestmark = pytest.mark.fidelity("http:batch", "exact")


def batch(rest: Http, *calls: str) -> list[tuple[str, int, object]]:
    parts = [
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <c{i}>\r\n\r\n{call}\r\n"
        for i, call in enumerate(calls)
    ]
    body = ("".join(parts) + "--b--\r\n").encode()
    answer = rest.raw("POST", "/batch/bigquery/v2", body, {"Content-Type": "multipart/mixed; boundary=b"})
    assert answer.status == 200, answer.data
    text = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode() + answer.data
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
    out = []
    for part in message.get_payload():
        payload = part.get_payload(decode=True)
        head, _, inner = payload.partition(b"\r\n\r\n")
        out.append((part["Content-ID"], int(head.split()[1]), json.loads(inner) if inner.strip() else None))
    return out


def test_calls_run_in_order_and_answers_name_them(rest: Http) -> None:
    create = json.dumps({"datasetReference": {"datasetId": "d"}})
    root = f"/bigquery/v2/projects/{rest.project}/datasets"
    answers = batch(
        rest,
        f"POST {root}\r\nContent-Type: application/json\r\n\r\n{create}",
        f"GET {root}/d?fields=id HTTP/1.1\r\n\r\n",
        f"GET {root}/missing\r\n\r\n",
        f"DELETE {root}/d\r\n\r\n",
        "nonsense",
    )
    assert [(a[0], a[1]) for a in answers] == [
        ("<response-c0>", 200),
        ("<response-c1>", 200),
        ("<response-c2>", 404),
        ("<response-c3>", 204),
        ("<response-c4>", 400),
    ]
    assert answers[1][2] == {"id": f"{rest.project}:d"}


def test_a_batch_cannot_contain_a_batch(rest: Http) -> None:
    assert batch(rest, "POST /batch/bigquery/v2\r\n\r\n")[0][1] == 400


def test_other_content_types_are_400(rest: Http) -> None:
    assert rest.raw("POST", "/batch", b"x", {"Content-Type": "text/plain"}).status == 400
