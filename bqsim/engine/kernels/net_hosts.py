"""Hosts of URLs, their public suffixes and registrable domains.

A URL need not be well-formed: ``[scheme:]//[user@]host[:port][/path…]``, where all but the host may be left
out and a backslash is as good as a slash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from .hashing_rows import flat
from .kernel import Kernel

# URLs whose host is found without looking closer; in the engine's notation of regular expressions.
_WELL_FORMED = (
    r"(?s)^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?P<host>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)"
    r"(?::[0-9]*)?(?:[/?#].*)?$"
)
_KEPT = 1 << 16
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


def _split(found: str) -> tuple[list[str], int, str] | None:
    """The labels of a host, how many of them are its public suffix, and the dot after them."""
    name = found.rstrip(".")
    labels = name.split(".")
    normal = [label for label in map(_normal, labels) if label]
    size = _suffix_size(normal) if len(normal) == len(labels) else 0
    return (labels, size, found[len(name) :]) if size else None


@lru_cache(maxsize=_KEPT)
def public_suffix(found: str) -> str | None:
    """The public suffix of a host as it is written there, None when there is none."""
    split = _split(found)
    if split is None:
        return None
    labels, size, dot = split
    return ".".join(labels[-size:]) + dot


@lru_cache(maxsize=_KEPT)
def reg_domain(found: str) -> str | None:
    """The public suffix of a host and the label before it, None when there is none."""
    split = _split(found)
    if split is None or len(split[0]) <= split[1]:
        return None
    labels, size, dot = split
    return ".".join(labels[-size - 1 :]) + dot


def _hosts(urls: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute as pc

    urls = flat(urls)
    hosts = pc.struct_field(pc.extract_regex(urls, _WELL_FORMED), "host")
    left = pc.and_(pc.is_null(hosts), pc.is_valid(urls))
    if not pc.any(left).as_py():
        return hosts
    return pc.replace_with_mask(hosts, left, pa.array(map(host, urls.filter(left).to_pylist()), pa.string()))


def _of_hosts(function: Callable[[str], str | None]) -> Callable[[Any], Any]:
    """A kernel's function that computes each different host of a batch once."""

    def batch(urls: Any) -> Any:
        import pyarrow as pa

        coded = _hosts(urls).dictionary_encode()
        values = [function(found) for found in coded.dictionary.to_pylist()]
        return pa.array(values, pa.string()).take(coded.indices)

    return batch


KERNELS = tuple(
    Kernel(name, ("VARCHAR",), "VARCHAR", function, null_in_null_out=False)
    for name, function in (
        ("bq_net_host", _hosts),
        ("bq_net_public_suffix", _of_hosts(public_suffix)),
        ("bq_net_reg_domain", _of_hosts(reg_domain)),
    )
)
