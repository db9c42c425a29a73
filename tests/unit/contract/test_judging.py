"""Failures of jobs are judged alike, whichever answer told them when they were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.contract.bound import Bound
from bqsim.contract.judging import Judge
from bqsim.contract.observed import Observed
from bqsim.record.model import Operation
from bqsim.sim.draws import Draws

FAILED = {"reason": "invalidQuery", "location": "query", "message": "no such column"}
STATUS = {"state": "DONE", "errorResult": FAILED}


def answer(code: int, reason: str, message: str, location: str = "q") -> dict[str, Any]:
    first = {"reason": reason, "message": message, "location": location}
    return {"status": code, "body": {"error": {"code": code, "message": message, "errors": [first]}}}


POLLED = answer(400, "invalidQuery", "no such column")


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[tuple[str, str]]:
    operation = Operation("query", "0123456789abcdef", 1, {"sql": "SELECT 1"}, expected)
    judge = Judge(Bound("here", {}, Draws(1)))
    return [(d.path, d.kind) for d in judge.differences(operation, Observed(found), None)]


@pytest.mark.parametrize(
    ("expected", "found", "paths"),
    [
        ({"job": {"status": STATUS}}, {"job": {"status": STATUS}, "error": POLLED}, []),
        ({"job": {"status": STATUS}}, {"job": {"status": STATUS}}, []),
        ({"error": POLLED}, {"job": {"status": STATUS}, "error": POLLED}, []),
        (
            {"job": {"status": STATUS}},
            {"job": {"status": STATUS}, "error": answer(400, "invalid", "no such column")},
            [("error.reason", "value")],
        ),
        (
            {"job": {"status": STATUS}},
            {"job": {"status": STATUS}, "error": answer(400, "invalidQuery", "no")},
            [("error.message", "value")],
        ),
        (
            {"job": {"status": STATUS}},
            {"job": {"status": STATUS}, "error": answer(503, "backendError", "later")},
            [("error", "extra")],
        ),
        ({"job": {"status": {"state": "DONE"}}}, {"error": POLLED}, [("error", "extra")]),
        ({"error": POLLED}, {"job": {"status": {"state": "DONE"}}}, [("error", "missing")]),
    ],
)
def test_failures(expected: dict[str, Any], found: dict[str, Any], paths: list[tuple[str, str]]) -> None:
    assert differences(expected, found) == paths
