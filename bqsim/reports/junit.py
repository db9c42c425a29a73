"""JUnit XML, as CI systems read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One check. It failed when ``failure`` (one line, else '') is told: ``message`` has all of it;
    ``skipped`` says why it was not made."""

    name: str
    classname: str
    seconds: float = 0
    failure: str = ""
    message: str = ""
    skipped: str = ""


def document(suite: str, cases: Sequence[Case]) -> str:
    """The XML of a suite, in the order of ``cases``."""
    failures = sum(bool(case.failure) for case in cases)
    skipped = sum(bool(case.skipped and not case.failure) for case in cases)
    seconds = sum(case.seconds for case in cases)
    totals = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}" time="{seconds:.3f}"'
    body = "".join(map(_case, cases))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {totals}>\n<testsuite name={_attribute(suite)} {totals}>\n{body}</testsuite>\n"
        "</testsuites>\n"
    )


def _case(case: Case) -> str:
    head = (
        f"<testcase name={_attribute(case.name)} classname={_attribute(case.classname)}"
        f' time="{case.seconds:.3f}"'
    )
    if case.failure:
        text = escape(_clean(case.message or case.failure))
        inside = f'<failure message={_attribute(case.failure)} type="failure">{text}</failure>'
    elif case.skipped:
        inside = f"<skipped message={_attribute(case.skipped)}/>"
    else:
        return f"{head}/>\n"
    return f"{head}>{inside}</testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(_clean(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
