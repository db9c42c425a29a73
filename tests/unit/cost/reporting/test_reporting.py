from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from bqsim.cost.baseline import Entry
from bqsim.cost.causes import Cause
from bqsim.cost.gate import BudgetFinding, Checked, Finding
from bqsim.cost.model import Estimate, Measured, Query, Rate, TableRead
from bqsim.cost.money import Amount
from bqsim.cost.policy import Budget
from bqsim.cost.reporting import FORMATS, SUFFIXES
from bqsim.cost.robust import compare


def entry(sql: str, size: int, partitions: int) -> Entry:
    query = Query("sql/a|b.sql", sql, "f" * 16, "sql/a|b.sql", 4, "me", rate=Rate(10, 5, 20, "history"))
    estimate = Estimate(
        "SELECT",
        size,
        size,
        size,
        partitions=partitions,
        tables=(TableRead("p.d.t", size, (), (partitions, 9)),),
    )
    return Entry(Measured(query, estimate))


@pytest.fixture
def checked() -> Checked:
    before, after = entry("SELECT <a>", 2**30, 1), entry("SELECT * FROM <b>", 2**33, 9)
    steady = [9.0, 5.0, 1.0, 1.1, 0.9, 1.0, 1.05]
    worse = Finding(
        "sql/a|b.sql",
        "regression",
        "fail",
        before,
        before.measured.estimate,
        after,
        (
            Cause("lost_partition_filter", "nothing filters day", "p.d.t", 7 * 2**30),
            Cause("select_star", "<all>"),
        ),
        compare(steady, [v * 3 for v in steady]),
        Amount(1, 0.5, 2),
        Amount(9, 4.5, 18),
        ("a note",),
    )
    new = Finding(
        "n",
        "new",
        "warn",
        after=after,
        causes=(Cause("new_query", "it reads much"),),
        month_after=Amount(9, 9, 9),
    )
    gone = Finding(
        "g",
        "gone",
        "ignore",
        before=before,
        causes=(Cause("query_gone", "no more"),),
        month_before=Amount(1, 1, 1),
    )
    budget = BudgetFinding(
        Budget(owner="me", money=5), {"money": 9.0, "bytes": 1.0, "slot_hours": 0.0}, ("9 of 5",)
    )
    return Checked(
        "w",
        (worse, new, gone),
        (budget,),
        2.0,
        18.0,
        "USD",
        "6.25 USD a TiB",
        ("left out",),
        {"regression": 1, "new": 1},
    )


def test_text(checked: Checked) -> None:
    told = FORMATS["text"](checked)
    assert told.startswith("w: 1 costs more, 1 new, 1 over budget; 18.00 USD a month (+16.00 USD)\n")
    assert "FAIL  sql/a|b.sql (sql/a|b.sql:4): costs more" in told
    assert (
        "bytes 1.00 GiB → 8.00 GiB (+700.0 %); partitions 1 → 9 of 9; +8.00 USD (+4.00 to +16.00 USD) a month"
        in told
    )
    assert "- lost partition filter: nothing filters day (+7.00 GiB)" in told
    assert "OVER  budget of owner me: 9 of 5" in told


def test_markdown_is_a_short_table(checked: Checked) -> None:
    told = FORMATS["markdown"](checked)
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert rows[0] == "| query | bytes a run | a month | why | what to do |"
    assert rows[2].startswith("| ❌ `sql/a\\|b.sql` | 1.00 GiB → 8.00 GiB (+700.0 %) |")
    assert len(rows) == 4
    assert "bqsim cost approve" in told


def test_json(checked: Checked) -> None:
    told = json.loads(FORMATS["json"](checked))
    assert told["failed"] is True
    query = told["queries"][0]
    assert [c["code"] for c in query["causes"]] == ["lost_partition_filter", "select_star"]
    assert query["month"] == {"expected": 8, "low": 4, "high": 16}
    assert query["slots"]["verdict"] == "risen"
    assert told["month"] == {"before": 2.0, "after": 18.0}


def test_junit(checked: Checked) -> None:
    root = ET.fromstring(FORMATS["junit"](checked).encode())
    cases = {c.get("name"): c.find("failure") is not None for c in root.iter("testcase")}
    assert cases == {"sql/a|b.sql": True, "n": False, "g": False, "budget of owner me": True}


def test_sarif_names_file_and_line(checked: Checked) -> None:
    run = json.loads(FORMATS["sarif"](checked))["runs"][0]
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert (first["ruleId"], first["level"]) == ("cost/lost-partition-filter", "error")
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("sql/a%7Cb.sql", 4)
    assert [r["ruleId"] for r in run["results"]] == [
        "cost/lost-partition-filter",
        "cost/select-star",
        "cost/new-query",
        "cost/budget",
    ]


def test_html_is_one_escaped_file(checked: Checked) -> None:
    told = FORMATS["html"](checked)
    assert "<b>" not in told.replace("<b>", "", 0) or "SELECT * FROM &lt;b&gt;" in told
    assert "<svg" in told
    assert "http://" not in told.replace("http://www.w3.org", "")
    assert "lost partition filter" in told


def test_every_format_has_a_suffix() -> None:
    assert set(SUFFIXES.values()) == set(FORMATS)
