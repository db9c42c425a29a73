"""Levenshtein distances of many pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bqsim.codecs.wasm import program


def _letters(texts: Sequence[str] | Sequence[bytes]) -> tuple[Any, Any]:
    """The letters of all texts, and where each text starts among them."""
    import numpy as np

    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    if isinstance(texts[0], bytes):
        return np.frombuffer(b"".join(texts), np.uint8).astype(np.uint32), offsets  # type: ignore[arg-type]
    return np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32), offsets  # type: ignore[arg-type]


def distances(lefts: Sequence[str] | Sequence[bytes], rights: Sequence[str] | Sequence[bytes]) -> Any:
    """The Levenshtein distance of each pair, in code points of texts and in bytes of BYTES: numpy int64."""
    import numpy as np

    if not lefts:
        return np.zeros(0, np.int64)
    (a, a_offsets), (b, b_offsets) = _letters(lefts), _letters(rights)
    with program("distance/levenshtein").instance() as instance:
        addresses = [instance.put(part) for part in (a, a_offsets, b, b_offsets)]
        row = instance.reserve(4 * int(np.diff(b_offsets).max()) + 4)
        out = instance.reserve(4 * len(lefts))
        instance.call("distances", *addresses, len(lefts), row, out)
        return instance.array_at(out, np.int32, len(lefts)).astype(np.int64)
