"""The ``fields`` parameter: which parts of a resource an answer has."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bqsim.errors import BigQueryError

# A mask maps field names to the mask of their parts; None takes the whole value. "*" stands for every name.
Mask = dict[str, Any]

_DEPTH = 32


@lru_cache(maxsize=512)
def parse_mask(text: str) -> Mask:
    """Parse ``a,b/c,items(id,x/y),*``; 400 ``invalidParameter`` for anything else."""
    parser = _Parser(text)
    mask = parser.selectors(0)
    if parser.at != len(text):
        raise _invalid(text)
    return mask


def _invalid(selection: str) -> BigQueryError:
    return BigQueryError("invalidParameter", f"Invalid field selection {selection[:200]}", location="fields")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def selectors(self, depth: int) -> Mask:
        if depth > _DEPTH:
            raise _invalid(self.text)
        mask: Mask = {}
        while True:
            self._selector(mask, depth)
            if self._peek() != ",":
                return mask
            self.at += 1

    def _name(self) -> str:
        start = self.at
        while (c := self._peek()) and (c.isalnum() or c in "_-.*@$ "):
            self.at += 1
        name = self.text[start : self.at].strip()
        if not name or ("*" in name and name != "*"):
            raise _invalid(self.text)
        return name

    def _selector(self, mask: Mask, depth: int) -> None:
        path = [self._name()]
        while self._peek() == "/":
            self.at += 1
            path.append(self._name())
            if len(path) > _DEPTH:
                raise _invalid(self.text)
        parts: Mask | None = None
        if self._peek() == "(":
            self.at += 1
            parts = self.selectors(depth + 1)
            if self._peek() != ")":
                raise _invalid(self.text)
            self.at += 1
        for name in reversed(path[1:]):
            parts = {name: parts}
        _merge(mask, path[0], parts)


def _merge(mask: Mask, name: str, parts: Mask | None) -> None:
    if name not in mask:
        mask[name] = parts
    elif mask[name] is None or parts is None:
        mask[name] = None
    else:
        merged = dict(mask[name])
        for key, value in parts.items():
            _merge(merged, key, value)
        mask[name] = merged


def apply_mask(value: Any, mask: Mask | None) -> Any:
    """The parts of a JSON value that ``mask`` selects; lists are masked element by element."""
    if mask is None:
        return value
    if isinstance(value, list):
        return [apply_mask(v, mask) for v in value]
    if not isinstance(value, dict):
        return value
    every = mask.get("*", mask)
    out = {}
    for name, part in value.items():
        if name in mask:
            out[name] = apply_mask(part, mask[name])
        elif every is not mask:
            out[name] = apply_mask(part, every)
    return out
