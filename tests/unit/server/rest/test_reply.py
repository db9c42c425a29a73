from __future__ import annotations

import gzip
import json

import pytest

from bqsim.errors import BigQueryError, invalid_query, not_found
from bqsim.server.rest.reply import Raw, Reply, dumps, error_body, error_reply, one_line, respond
from bqsim.sim.scenario.model import Network

pytestmark = pytest.mark.fidelity("http:compression, http:errors", "exact")

ROWS = Raw(b'[{"f":[{"v":"1"}]}]')


def test_raw_members_are_spliced_in() -> None:
    text = dumps({"kind": "k", "rows": ROWS, "totalRows": "1"})
    assert text == b'{"kind":"k","totalRows":"1","rows":[{"f":[{"v":"1"}]}]}'
    assert dumps({"rows": ROWS}) == b'{"rows":[{"f":[{"v":"1"}]}]}'


def test_pretty_answers_are_json_too() -> None:
    assert json.loads(dumps({"kind": "k", "rows": ROWS}, pretty=True)) == {
        "kind": "k",
        "rows": [{"f": [{"v": "1"}]}],
    }
    assert b'\n  "kind": "k"' in dumps({"kind": "k"}, pretty=True)


def test_half_surrogates_do_not_break_an_answer() -> None:
    assert json.loads(dumps({"a": "\ud800"})) == {"a": "?"}


def test_fields_mask_keeps_rows_unparsed_at_the_top_and_opens_them_below() -> None:
    reply = Reply({"kind": "k", "rows": ROWS})
    top = respond(reply, pretty=False, gzip=False, fields="rows")
    assert top.body == b'{"rows":[{"f":[{"v":"1"}]}]}'
    below = respond(reply, pretty=False, gzip=False, fields="rows/f,kind")
    assert json.loads(below.body) == {"kind": "k", "rows": [{"f": [{"v": "1"}]}]}


def test_gzip_only_when_asked_and_worth_it() -> None:
    small, big = Reply({"a": "x"}), Reply({"a": "x" * 5000})
    assert "Content-Encoding" not in respond(small, pretty=False, gzip=True, fields=None).headers
    assert "Content-Encoding" not in respond(big, pretty=False, gzip=False, fields=None).headers
    zipped = respond(big, pretty=False, gzip=True, fields=None)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(zipped.body)) == {"a": "x" * 5000}


def test_etag_is_a_header() -> None:
    answer = respond(Reply({}, etag="abc"), pretty=False, gzip=False, fields=None)
    assert answer.headers["ETag"] == "abc"


def test_error_envelope() -> None:
    assert error_body(not_found("Table", "p:d.t")) == {
        "error": {
            "code": 404,
            "message": "Not found: Table p:d.t",
            "errors": [{"message": "Not found: Table p:d.t", "domain": "global", "reason": "notFound"}],
            "status": "NOT_FOUND",
        }
    }


def test_error_of_a_query_is_located_at_its_old_parameter() -> None:
    item = error_body(invalid_query("bad"))["error"]["errors"][0]
    assert (item["location"], item["locationType"]) == ("q", "parameter")


def test_error_of_a_header_says_so() -> None:
    item = error_body(BigQueryError("conditionNotMet", "x", location="If-Match"))["error"]["errors"][0]
    assert item["locationType"] == "header"


def test_a_stopped_job_is_a_400() -> None:
    reply = error_reply(BigQueryError("stopped", "Job was cancelled"))
    assert reply.status == 400
    assert reply.body is not None
    assert reply.body["error"]["code"] == 400


def test_header_values_cannot_start_another_header() -> None:
    assert one_line("x\r\nB: y") == "xB: y"


def test_when_to_try_again_is_said_in_whole_seconds() -> None:
    assert error_reply(BigQueryError("rateLimitExceeded", "x", retry_after_s=1.2)).headers == {
        "Retry-After": "2"
    }
    assert error_reply(BigQueryError("rateLimitExceeded", "x")).headers == {}


def test_an_answer_takes_its_fault_along() -> None:
    fault = Network("reset")
    for reply in (Reply({"a": 1}, fault=fault), Reply(None, 304, fault=fault)):
        assert respond(reply, pretty=False, gzip=False, fields=None).fault is fault
