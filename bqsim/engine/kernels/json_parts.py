"""Parts of JSON documents, for all rows of a batch at once.

Rows that the program of :mod:`bqsim.codecs.jsontext` does not read (escapes, spaces, texts that are no JSON)
go through the function of one row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.codecs import jsontext
from bqsim.codecs.jsontext.reader import ARRAY, AWRY, FALSE, NULL, NUMBER, OBJECT, ODD, STRING, TRUE

from . import json_text
from .hashing_rows import flat
from .kernel import Kernel

RowFunction = Callable[..., Any]
# Kinds whose text is the scalar's, and those that JSON_QUERY shows.
_SCALARS = (FALSE, TRUE, NUMBER, STRING)
_SHOWN = (*_SCALARS, ARRAY, OBJECT)


def _table(kinds: tuple[int, ...]) -> Any:
    import numpy as np

    found = np.zeros(256, bool)
    found[list(kinds)] = True
    return found


def single(column: Any) -> tuple[bool, Any]:
    """Whether all values of a column are the same one, and that one."""
    distinct = flat(column).unique()
    return len(distinct) == 1, distinct[0].as_py() if len(distinct) == 1 else None


def by_rows(function: RowFunction, columns: tuple[Any, ...], type_: Any, *, strict: bool = True) -> Any:
    """The values of a row function; NULL for a NULL argument, unless ``strict`` only for a NULL first one."""
    import pyarrow as pa

    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return pa.array(
        [None if (None in row if strict else row[0] is None) else function(*row) for row in rows], type=type_
    )


def mended(
    found: Any, slow: Any, function: RowFunction, columns: tuple[Any, ...], *, strict: bool = True
) -> Any:
    """``found`` with the rows of the mask ``slow`` made by the row function."""
    import numpy as np
    import pyarrow as pa

    places = np.flatnonzero(slow)
    if not len(places):
        return found
    taken = tuple(flat(column).take(pa.array(places)) for column in columns)
    made = by_rows(function, taken, found.type, strict=strict)
    order = np.arange(len(found))
    order[places] = len(found) + np.arange(len(places))
    return pa.concat_arrays([found, made]).take(pa.array(order))


def valid(column: Any) -> Any:
    """Where a column is not NULL, as a mask."""
    return flat(column).is_valid().to_numpy(zero_copy_only=False)


def read_by_program(tokens: tuple[str, ...]) -> bool:
    """Whether the program takes the tokens as the row functions do."""
    return not any(
        t.isdigit() and (not t.isascii() or (len(t) > 1 and t[0] == "0") or len(t) > 8) for t in tokens
    )


def _scalar_texts(located: Any, present: Any) -> tuple[Any, Any]:
    kinds = located.kinds
    slow = present & ((kinds == AWRY) | (kinds == STRING + ODD))
    return located.texts(_table(_SCALARS)[kinds] & present, kinds == STRING), slow


def _shown_texts(null: bool) -> Callable[[Any, Any], tuple[Any, Any]]:
    def texts(located: Any, present: Any) -> tuple[Any, Any]:
        kinds = located.kinds
        shown = _table((*_SHOWN, NULL) if null else _SHOWN)
        return located.texts(shown[kinds] & present), present & (kinds >= ODD)

    return texts


def _listed(scalars: bool) -> Callable[[Any, Any], tuple[Any, Any]]:
    def lists(located: Any, present: Any) -> tuple[Any, Any]:
        import numpy as np
        import pyarrow as pa

        found = jsontext.elements(located)
        kinds = found.located.kinds
        rows = np.repeat(np.arange(len(found.counts)), found.counts)
        arrays = present & (located.kinds != AWRY) & ((located.kinds & 15) == ARRAY)
        odd = _table((STRING + ODD,))[kinds] if scalars else kinds >= ODD
        slow = present & (located.kinds == AWRY)
        slow[rows[odd]] = True
        if scalars:
            arrays[rows[(kinds & 15) >= ARRAY]] = False
            texts = found.located.texts(_table(_SCALARS)[kinds], kinds == STRING)
        else:
            texts = found.located.texts(np.ones(len(kinds), bool))
        upto = np.zeros(len(arrays) + 1, np.int32)
        np.cumsum(found.counts, out=upto[1:])
        validity = pa.array(arrays).buffers()[1]
        type_ = pa.list_(pa.string())
        return pa.Array.from_buffers(
            type_, len(arrays), [validity, pa.py_buffer(upto)], children=[texts]
        ), slow

    return lists


_FORMS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "query_string": _shown_texts(null=False),
    "query_json": _shown_texts(null=True),
    "value_string": _scalar_texts,
    "value_json": _scalar_texts,
    "query_array_string": _listed(scalars=False),
    "query_array_json": _listed(scalars=False),
    "value_array_string": _listed(scalars=True),
    "value_array_json": _listed(scalars=True),
}


def extraction(name: str, kind: str, returns: str, function: RowFunction, legacy: bool) -> Kernel:
    """A kernel (document, path) → the part at the path, in the form ``kind``."""
    return _kernel(
        name,
        ("VARCHAR", "VARCHAR"),
        returns,
        function,
        _FORMS[kind],
        lambda path: (json_text.path(path, legacy), None),
    )


def member(name: str, function: RowFunction) -> Kernel:
    """A kernel (document, key) → the member of an object."""
    return _kernel(
        name, ("VARCHAR", "VARCHAR"), "VARCHAR", function, _shown_texts(True), lambda k: ((k,), (False,))
    )


def element(name: str, function: RowFunction) -> Kernel:
    """A kernel (document, index) → the element of an array."""
    return _kernel(
        name, ("VARCHAR", "BIGINT"), "VARCHAR", function, _shown_texts(True), lambda i: ((str(i),), (True,))
    )


def _kernel(
    name: str,
    parameters: tuple[str, ...],
    returns: str,
    function: RowFunction,
    form: Callable[[Any, Any], tuple[Any, Any]],
    path_of: Callable[[Any], tuple[tuple[str, ...], tuple[bool, ...] | None]],
) -> Kernel:
    def kernel(texts: Any, paths: Any) -> Any:
        import pyarrow as pa

        type_ = pa.list_(pa.string()) if returns.endswith("[]") else pa.string()
        present = valid(texts)
        same, path = single(paths)
        if not same:
            return by_rows(function, (texts, paths), type_)
        if path is None or not present.any():
            return pa.nulls(len(present), type_)
        tokens, are_indexes = path_of(path)
        if not read_by_program(tokens):
            return by_rows(function, (texts, paths), type_)
        found, slow = form(jsontext.locate(texts, tokens, are_indexes), present)
        return mended(found, slow, function, (texts, paths))

    return Kernel(name, parameters, returns, kernel, null_in_null_out=False)


def parsing(name: str, function: RowFunction) -> Kernel:
    """A kernel (text, mode) → the canonical text of a JSON value."""

    def kernel(texts: Any, modes: Any) -> Any:
        import pyarrow as pa

        present = valid(texts)
        same, mode = single(modes)
        if not same or mode not in ("exact", "round"):
            return by_rows(function, (texts, modes), pa.string())
        found, good = jsontext.canonical(texts)
        return mended(found, present & ~good, function, (texts, modes))

    return Kernel(name, ("VARCHAR", "VARCHAR"), "VARCHAR", kernel, null_in_null_out=False)


def flattening(name: str, function: RowFunction) -> Kernel:
    """A kernel document → the elements of an array, those of arrays in it taken for it."""

    def kernel(texts: Any) -> Any:
        import numpy as np

        present = valid(texts)
        located = jsontext.locate(texts, ())
        found, slow = _listed(scalars=False)(located, present)
        inner = jsontext.elements(located)
        rows = np.repeat(np.arange(len(inner.counts)), inner.counts)
        slow = slow | (present & ((located.kinds & 15) != ARRAY))
        slow[rows[(inner.located.kinds & 15) == ARRAY]] = True
        return mended(found, slow, function, (texts,))

    return Kernel(name, ("VARCHAR",), "VARCHAR[]", kernel, null_in_null_out=False)
