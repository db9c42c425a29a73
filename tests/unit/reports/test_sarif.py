import json

import pytest

from bqsim.reports import sarif

RULE = sarif.Rule("cost/lost-filter", "A partition filter was lost", "Put it back", "error")


def test_findings_name_their_rule_and_place() -> None:
    found = sarif.Found("cost/lost-filter", "daily.sql reads 3 GiB more", "sql/my daily.sql", 7)
    run = json.loads(sarif.log("bqsim cost", [RULE], [found], "1.0"))["runs"][0]
    assert run["tool"]["driver"]["version"] == "1.0"
    result = run["results"][0]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("cost/lost-filter", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "sql/my%20daily.sql"}, "region": {"startLine": 7}}


def test_a_key_keeps_findings_apart_when_figures_change() -> None:
    texts = [
        sarif.log("t", [RULE], [sarif.Found("cost/lost-filter", message, key="daily")])
        for message in ("3 GiB", "4 GiB")
    ]
    one, two = (json.loads(text)["runs"][0]["results"][0]["partialFingerprints"] for text in texts)
    assert one == two


def test_a_finding_of_no_rule_is_refused() -> None:
    with pytest.raises(KeyError):
        sarif.log("t", [RULE], [sarif.Found("other", "x")])
