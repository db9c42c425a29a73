"""Hosts of URLs, their public suffixes and registrable domains.

A URL need not be well-formed: ``[scheme:]//[user@]host[:port][/path…]``, where all but the host may be left
out and a backslash is as good as a slash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from .hashing_rows import flat
from .kernel import Kernel

_SPACES = " \t\n\v\f\r"
_AUTHORITY_END = re.compile(r"[/?#]")
_MANY_DOTS = re.compile(r"\.\.+$")


def host(url: str) -> str | None:
    """The host of a URL as it is written, None when it has none."""
    rest = url.strip(_SPACES).replace("\\", "/")
    slashes = rest.find("//")
    if slashes == 0 or (slashes > 0 and rest[slashes - 1] == ":"):
        before = rest[: max(slashes - 1, 0)]
        if not _AUTHORITY_END.search(before):
            rest = rest[slashes + 2 :]
    end = _AUTHORITY_END.search(rest)
    if end:
        rest = rest[: end.start()]
    rest = rest[rest.rfind("@") + 1 :]
    port = rest.find(":", rest.find("]") + 1 if rest.startswith("[") and "]" in rest else 0)
    if port >= 0 and not (rest.startswith("[") and "]" not in rest):
        rest = rest[:port]
    return _MANY_DOTS.sub(".", rest.lstrip(".")) or None


@cache
def _rules() -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """The list's rules under which anybody registers names: plain ones, parents of ``*``, exceptions; and the
    last labels of all of them. Those of private owners are left out."""
    from importlib.resources import files

    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    text = text[: text.index("===END ICANN DOMAINS===")]
    plain: set[str] = set()
    wild: set[str] = set()
    exceptions: set[str] = set()
    last: set[str] = set()
    for line in text.splitlines():
        rule = line.strip()
        if not rule or rule.startswith("//"):
            continue
        kind = exceptions if rule[0] == "!" else wild if rule.startswith("*.") else plain
        name = ".".join(
            _normal(label) or "" for label in rule.removeprefix("!").removeprefix("*.").split(".")
        )
        kind.add(name)
        last.add(name.rpartition(".")[2])
    return frozenset(plain), frozenset(wild), frozenset(exceptions), frozenset(last)


def _suffix_size(labels: list[str]) -> int:
    """How many of the labels of a normalised host are its public suffix; 0 without one."""
    plain, wild, exceptions, last = _rules()
    if labels[-1] not in last:
        return 0
    size, name = 1, labels[-1]
    for count, label in enumerate(labels[-2::-1], 2):
        parent, name = name, f"{label}.{name}"
        if name in exceptions:
            return count - 1
        if name in plain or parent in wild:
            size = count
    return size


def _normal(label: str) -> str | None:
    """A label in lower case, in Punycode when it is not ASCII; None for what cannot be coded."""
    if label.isascii():
        return label.lower()
    try:
        # Upper-case letters outside of ASCII stay as they are.
        folded = "".join(c.lower() if c.isascii() else c for c in label)
        return "xn--" + folded.encode("punycode").decode()
    except UnicodeError:
        return None


def _split(url: str) -> tuple[list[str], int, str] | None:
    """The labels of a URL's host, how many of them are its public suffix, and the dots after them."""
    found = host(url)
    if found is None:
        return None
    name = found.rstrip(".")
    labels = name.split(".")
    normal = [label for label in map(_normal, labels) if label]
    size = _suffix_size(normal) if len(normal) == len(labels) else 0
    return (labels, size, found[len(name) :]) if size else None


def public_suffix(url: str) -> str | None:
    """The public suffix of a URL's host as it is written there, None when there is none."""
    split = _split(url)
    if split is None:
        return None
    labels, size, dots = split
    return ".".join(labels[-size:]) + dots


def reg_domain(url: str) -> str | None:
    """The public suffix and the label before it, None when there is none."""
    split = _split(url)
    if split is None or len(split[0]) <= split[1]:
        return None
    labels, size, dots = split
    return ".".join(labels[-size - 1 :]) + dots


def _distinct(function: Callable[[str], str | None]) -> Callable[[Any], Any]:
    """A kernel's function that computes each different value of a batch once."""

    def batch(column: Any) -> Any:
        import pyarrow as pa

        coded = flat(column).dictionary_encode()
        values = [None if v is None else function(v) for v in coded.dictionary.to_pylist()]
        return pa.array(values, pa.string()).take(coded.indices)

    return batch


KERNELS = tuple(
    Kernel(name, ("VARCHAR",), "VARCHAR", _distinct(function), null_in_null_out=False)
    for name, function in (
        ("bq_net_host", host),
        ("bq_net_public_suffix", public_suffix),
        ("bq_net_reg_domain", reg_domain),
    )
)
