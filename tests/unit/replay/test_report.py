from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from bqsim.replay.report import DRIFT, UNUSED, Finding, Report, merged


def _report(*findings: Finding, strict: bool = True) -> Report:
    return Report(("c.cassette",), "none", 3, 2, 5, merged(findings), strict=strict)


FINDINGS = (
    Finding(DRIFT, "k.1", "GET /x", "a: recorded 1, now 2"),
    Finding("elsewhere", "", "GET /y", "simulator"),
    Finding(DRIFT, "k.1", "GET /x", "a: recorded 1, now 2"),
    Finding(UNUSED, "k.2", "query SELECT 1"),
)


def test_equal_findings_are_one() -> None:
    assert [(f.what, f.count) for f in merged(FINDINGS)] == [(DRIFT, 2), ("elsewhere", 1), (UNUSED, 1)]


def test_what_fails() -> None:
    report = _report(*FINDINGS)
    assert [f.what for f in report.failures] == [DRIFT, UNUSED]
    assert not report.ok
    assert _report(*FINDINGS, strict=False).ok
    assert _report(FINDINGS[1]).ok
    assert report.of("elsewhere")[0].title == "GET /y"


def test_in_words() -> None:
    assert _report(*FINDINGS).text.splitlines() == [
        "replay of c.cassette (mode none): 2 of 3 operations used, 5 answers",
        "  drift k.1 (2 times): GET /x",
        "    a: recorded 1, now 2",
        "  elsewhere: GET /y",
        "    simulator",
        "  unused k.2: query SELECT 1",
        "failed: 2 findings",
    ]


def test_for_machines() -> None:
    report = _report(*FINDINGS)
    told = json.loads(report.json)
    assert (told["ok"], told["used"], len(told["findings"])) == (False, 2, 3)
    cases = list(ET.fromstring(report.junit).iter("testcase"))
    assert [len(case.findall("failure")) for case in cases] == [0, 1, 0, 1]
