"""Words of options."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from bqsim.commands import options


@pytest.mark.parametrize(
    ("read", "word", "meant"),
    [
        (options.above_zero, "0.5", 0.5),
        (options.count, "12", 12),
        (options.renaming, "a=b=c", ("a", "b=c")),
        (options.size_bytes, "1.5KiB", 1536),
        (options.size_bytes, "2 tb", 2 * 10**12),
        (options.size_bytes, "7", 7),
        (options.percentage, "10%", 0.1),
        (options.percentage, "50", 0.5),
        (options.seed, str(2**63 - 1), 2**63 - 1),
        (options.span_s, "90s", 90.0),
    ],
)
def test_words_that_are_understood(read: Callable[[str], object], word: str, meant: object) -> None:
    assert read(word) == meant


@pytest.mark.parametrize(
    ("read", "word"),
    [
        (options.above_zero, "0"),
        (options.above_zero, "inf"),
        (options.above_zero, "x"),
        (options.count, "0"),
        (options.count, "-1"),
        (options.renaming, "a"),
        (options.renaming, "=b"),
        (options.size_bytes, "1 mile"),
        (options.percentage, "some"),
        (options.seed, str(2**63)),
        (options.seed, "-1"),
        (options.span_s, "0s"),
        (options.span_s, "long"),
    ],
)
def test_words_that_are_refused(read: Callable[[str], object], word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{word} is no"):
        read(word)


def test_acts_run_what_they_are_given() -> None:
    parser = argparse.ArgumentParser("tool")
    act = options.acts_of(parser, "``tool``: a tool.\n\n    ``tool do``  does it\n")
    act("do", lambda given: given.times, "Do it.").add_argument("times", type=int)
    given = parser.parse_args(["do", "3"])
    assert (given.act, given.act_run(given)) == ("do", 3)
    assert "    tool do  does it" in parser.format_help()
