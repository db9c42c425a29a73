from xml.etree import ElementTree

from bqsim.reports import junit


def test_cases_that_passed_failed_and_were_skipped() -> None:
    text = junit.document(
        "contract",
        [
            junit.Case("one", "query", 0.25),
            junit.Case("two", "query", failure="differs: 1", message="a\nb <c>"),
            junit.Case("three", "load", skipped="not asked"),
        ],
    )
    suite = ElementTree.fromstring(text)[0]
    assert suite.attrib == {
        "name": "contract",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "0.250",
    }
    one, two, three = suite
    assert (one.get("name"), one.get("classname"), one.get("time"), len(one)) == ("one", "query", "0.250", 0)
    assert (two[0].tag, two[0].get("message"), two[0].text) == ("failure", "differs: 1", "a\nb <c>")
    assert (three[0].tag, three[0].get("message")) == ("skipped", "not asked")


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    text = junit.document("s", [junit.Case('a"\x00\n', "c", failure="x\x0b", message="\ud800]]>")])
    case = ElementTree.fromstring(text)[0][0]
    assert case.get("name") == 'a"\ufffd\n'
    assert case[0].text == "\ufffd]]>"
