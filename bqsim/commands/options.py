"""What several commands have in common: acts, and kinds of words (a ``type`` of ``argparse`` each)."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

# The exit code of a command that Ctrl-C ended.
INTERRUPTED = 130
_SIZES = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZES |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


Run = Callable[[argparse.Namespace], int]


def acts_of(
    parser: argparse.ArgumentParser, doc: str | None
) -> Callable[[str, Run, str], argparse.ArgumentParser]:
    """Give a command acts: what is returned adds one, by its name, what runs it (``act_run``), what it does.
    The command is described by what ``doc`` says behind its first line."""
    parser.description = doc.partition("\n\n")[2].replace("``", "") if doc else None
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")

    def act(name: str, run: Run, told: str) -> argparse.ArgumentParser:
        one = acts.add_parser(name, help=told, description=told)
        one.set_defaults(act_run=run)
        return one

    return act


def above_zero(word: str) -> float:
    """A finite number above 0."""
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{word} is no number above 0")
    return number


def count(word: str) -> int:
    """A whole number of at least 1."""
    if not word.isdecimal() or not int(word):
        raise argparse.ArgumentTypeError(f"{word} is no number of at least 1")
    return int(word)


def renaming(word: str) -> tuple[str, str]:
    """``old=new``."""
    old, equals, new = word.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{word} is not like old=new")
    return old, new


def size_bytes(word: str) -> int:
    """``100GiB``, ``1.5 TB``, or bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", word)
    if not found or found[2].upper() not in _SIZES:
        raise argparse.ArgumentTypeError(f"{word} is no size such as 100GiB")
    return int(float(found[1]) * _SIZES[found[2].upper()])


def percentage(word: str) -> float:
    """``10%``, or ``10``, as a part of 1."""
    try:
        return float(word.removesuffix("%")) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word} is no percentage such as 10%") from None


def seed(word: str) -> int:
    """A seed of draws: 63 bits."""
    if not word.isdecimal() or int(word) >= 2**63:
        raise argparse.ArgumentTypeError(f"{word} is no seed: a number of at least 0")
    return int(word)


def span_s(word: str) -> float:
    """A time above 0, such as ``90s``, in seconds."""
    from bqsim.sim.scenario.durations import parse_duration

    try:
        seconds = float(parse_duration(word))
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{word} is no time such as 90s or 10m")
    return seconds
