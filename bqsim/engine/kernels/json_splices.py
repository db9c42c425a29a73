"""JSON documents changed at one path that is the same for all rows, for a batch at once.

What these do not change goes through the function of one row: several paths, paths that a document does not
have, and what :mod:`bqsim.codecs.jsontext` does not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.codecs import jsontext
from bqsim.codecs.jsontext.reader import ARRAY, AWRY, MISSING, NULL, OBJECT

from .hashing_rows import flat
from .json_parts import RowFunction, mended, read_by_program, single, valid
from .kernel import Kernel

# A change: documents, path, values, further arguments → new texts and the mask of the rows left out.
Change = Callable[..., tuple[Any, Any] | None]


def _only_items(column: Any) -> Any:
    """The items of lists that have one each, else None."""
    import pyarrow.compute as pc

    lists = flat(column)
    if lists.null_count or not pc.all(pc.equal(pc.list_value_length(lists), 1)).as_py():
        return None
    return lists.flatten()


def _kept(found: Any, texts: Any, mask: Any) -> Any:
    """``found`` with the unchanged texts where ``mask``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(mask), flat(texts), found) if mask.any() else found


def splicing(name: str, parameters: tuple[str, ...], function: RowFunction, change: Change) -> Kernel:
    """A kernel (document, paths, …) → the changed document; NULL for a NULL document alone."""

    def kernel(*columns: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        texts = columns[0]
        present = valid(texts)
        lists = [
            _only_items(column) for column, type_ in zip(columns, parameters, strict=True) if "[" in type_
        ]
        options = [
            single(column) for column, type_ in zip(columns, parameters, strict=True) if type_ == "BOOLEAN"
        ]
        made = None
        if present.any() and all(items is not None for items in lists) and all(same for same, _ in options):
            same, path = single(lists[0])
            if same and path is not None and all(value is not None for _, value in options):
                made = change(texts, path, *lists[1:], *(value for _, value in options))
        found, slow = (
            made if made is not None else (pa.nulls(len(present), pa.string()), np.ones(len(present), bool))
        )
        return mended(found, slow & present, function, columns, strict=False)

    return Kernel(name, parameters, "VARCHAR", kernel, null_in_null_out=False)


def _tokens(path: str) -> tuple[tuple[str, ...], tuple[bool, ...]] | None:
    """The tokens of a path and which are indexes; None for paths that the row function has to judge."""
    from bqsim.errors import BigQueryError

    from . import json_text
    from .json_edit import path_kinds

    try:
        tokens = json_text.path(path)
    except BigQueryError:
        return None
    return (tokens, path_kinds(path, tokens)) if read_by_program(tokens) else None


def _set(texts: Any, path: str, values: Any, create: bool) -> tuple[Any, Any] | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    read = _tokens(path)
    if read is None:
        return None
    located = jsontext.locate(texts, *read)
    found = (located.kinds != AWRY) & (located.kinds != MISSING)
    changed = jsontext.spliced(located, located.starts, located.stops, values, found)
    missing = located.kinds == MISSING
    if not create:
        return _kept(changed, texts, missing), ~found & ~missing
    made, good = _added(texts, *read, values, missing) if missing.any() else (changed, missing)
    return pc.if_else(pa.array(good), made, changed), ~found & ~good


def _added(
    texts: Any, tokens: tuple[str, ...], are_indexes: tuple[bool, ...], values: Any, missing: Any
) -> tuple[Any, Any]:
    """The documents with a new member in the deepest object of the path, and where there is one."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    pending, made, good = missing.copy(), pa.nulls(len(missing), pa.string()), np.zeros(len(missing), bool)
    for depth in reversed(range(len(tokens))):
        located = jsontext.locate(texts, tokens[:depth], are_indexes[:depth])
        here = pending & (located.kinds != MISSING)
        pending &= ~here
        into = here & (located.kinds != AWRY) & ((located.kinds & 15) == OBJECT)
        if are_indexes[depth] or not into.any():
            continue
        opening, closing = _wrapping(tokens[depth:], are_indexes[depth:])
        commas = pc.if_else(pa.array(located.stops - located.starts > 2), ",", "")
        ends = (located.stops - 1).astype(np.int32)
        member = pc.binary_join_element_wise(commas, opening, values, closing, "")
        ordered, right = jsontext.canonical(jsontext.spliced(located, ends, ends, member, into))
        made = pc.if_else(pa.array(into), ordered, made)
        good |= into & right
    return made, good


def _wrapping(tokens: tuple[str, ...], are_indexes: tuple[bool, ...]) -> tuple[str, str]:
    """What stands before and after a value in a new member at a path."""
    from . import json_text

    opening, closing = f"{json_text.quote(tokens[0])}:", ""
    for token, is_index in zip(tokens[1:], are_indexes[1:], strict=True):
        opening += "[" + "null," * int(token) if is_index else "{" + json_text.quote(token) + ":"
        closing = ("]" if is_index else "}") + closing
    return opening, closing


def _remove(texts: Any, path: str) -> tuple[Any, Any] | None:
    import numpy as np
    import pyarrow as pa

    read = _tokens(path)
    if read is None or not read[0]:
        return None
    tokens = read[0]
    located = jsontext.locate(texts, tokens)
    missing = located.kinds == MISSING
    found = (located.kinds != AWRY) & ~missing
    data = np.frombuffer(located.source.data, np.uint8) if len(located.source.data) else np.zeros(1, np.uint8)
    starts, stops = np.where(found, located.starts, 1), np.where(found, located.stops, 0)
    # Before the value of a member stand its key, two quotes and a colon.
    of_object = data[starts - 1] == ord(":")
    starts = np.where(of_object, starts - len(tokens[-1].encode()) - 3, starts)
    follows = data[np.minimum(stops, len(data) - 1)] == ord(",")
    leads = data[np.maximum(starts - 1, 0)] == ord(",")
    starts = np.where(leads, starts - 1, starts).astype(np.int32)
    stops = np.where(~leads & follows, stops + 1, stops).astype(np.int32)
    changed = jsontext.spliced(located, starts, stops, pa.scalar(""), found)
    return _kept(changed, texts, missing), ~found & ~missing


def _items(values: Any, arrays: Any, each: bool) -> Any:
    """What values add to an array: of ARRAY values their elements, with ``each``. None: for rows to tell."""
    import pyarrow.compute as pc

    same, is_array = single(arrays)
    if not same or is_array is None:
        return None
    if not (is_array and each):
        return values
    if not pc.all(pc.starts_with(values, "[")).as_py():
        return None
    return pc.utf8_slice_codeunits(values, 1, -1)


def _append(texts: Any, path: str, values: Any, arrays: Any, each: bool) -> tuple[Any, Any] | None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    read = _tokens(path)
    items = _items(values, arrays, each)
    if read is None or items is None:
        return None
    located = jsontext.locate(texts, read[0])
    kinds = located.kinds
    into = (kinds != AWRY) & ((kinds & 15) == ARRAY)
    unchanged = (kinds != AWRY) & (kinds != NULL) & ~into
    some = located.stops - located.starts > 2
    filled = pc.and_(pa.array(some), pc.not_equal(items, ""))
    added = pc.if_else(filled, pc.binary_join_element_wise(",", items, ""), items)
    ends = (located.stops - 1).astype(np.int32)
    changed = jsontext.spliced(located, ends, ends, added, into)
    return _kept(changed, texts, unchanged), ~into & ~unchanged


def _insert(texts: Any, path: str, values: Any, arrays: Any, each: bool) -> tuple[Any, Any] | None:
    import numpy as np
    import pyarrow.compute as pc

    read = _tokens(path)
    items = _items(values, arrays, each)
    if read is None or items is None or not read[0] or not read[1][-1]:
        return None
    located = jsontext.locate(texts, read[0], (*[None] * (len(read[0]) - 1), True))
    into = (located.kinds != AWRY) & (located.kinds != MISSING)
    added = pc.if_else(pc.equal(items, ""), items, pc.binary_join_element_wise(items, ",", ""))
    starts = located.starts.astype(np.int32)
    return jsontext.spliced(located, starts, starts, added, into), ~into


def stripping(name: str, function: RowFunction) -> Kernel:
    """A kernel (document, path, from arrays, empty too) → the document without nulls."""

    def kernel(*columns: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        present = valid(columns[0])
        (_, path), (_, arrays), (_, empty) = map(single, columns[1:])
        found, good = pa.nulls(len(present), pa.string()), np.zeros(len(present), bool)
        if path == "$" and arrays is not None and empty is not None:
            found, good = jsontext.without_nulls(columns[0], arrays, empty)
        return mended(found, present & ~good, function, columns, strict=False)

    return Kernel(
        name, ("VARCHAR", "VARCHAR", "BOOLEAN", "BOOLEAN"), "VARCHAR", kernel, null_in_null_out=False
    )


def keys(name: str, function: RowFunction) -> Kernel:
    """A kernel (document, depth, mode) → its keys: made once for documents that differ in scalars only."""

    def kernel(texts: Any, depths: Any, modes: Any) -> Any:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        present = valid(texts)
        (same_depth, depth), (same_mode, mode) = single(depths), single(modes)
        type_ = pa.list_(pa.string())
        found, good = pa.nulls(len(present), type_), np.zeros(len(present), bool)
        if same_depth and same_mode and present.any():
            shapes, good = jsontext.skeletons(texts)
            good &= present
            encoded = pc.if_else(pa.array(good), shapes, pa.scalar(None, pa.string())).dictionary_encode()
            made = pa.array([function(shape, depth, mode) for shape in encoded.dictionary.to_pylist()], type_)
            found = made.take(encoded.indices)
        return mended(found, present & ~good, function, (texts, depths, modes), strict=False)

    return Kernel(name, ("VARCHAR", "BIGINT", "VARCHAR"), "VARCHAR[]", kernel, null_in_null_out=False)


def pretty(name: str, function: RowFunction) -> Kernel:
    """A kernel document → its text on several lines."""

    def kernel(texts: Any) -> Any:
        found, good = jsontext.indented(texts)
        return mended(found, valid(texts) & ~good, function, (texts,))

    return Kernel(name, ("VARCHAR",), "VARCHAR", kernel, null_in_null_out=False)


CHANGES: dict[str, Change] = {"set": _set, "remove": _remove, "append": _append, "insert": _insert}
