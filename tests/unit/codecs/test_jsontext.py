from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.codecs import jsontext
from bqsim.codecs.jsontext.reader import ARRAY, AWRY, MISSING, NUMBER, ODD, STRING

TEXTS = pa.array(['{"a":1}', '{"a":"x"}', '{"a" : [1, 2]}', '{"a":"\\n"}', "{}", "nope", None])


def test_located_values() -> None:
    found = jsontext.locate(TEXTS, ("a",))
    assert found.kinds.tolist() == [NUMBER, STRING, ARRAY + ODD, STRING + ODD, MISSING, AWRY, AWRY]
    kept = found.kinds % AWRY > 0
    assert found.texts(kept, found.kinds == STRING).to_pylist() == [
        "1",
        "x",
        "[1, 2]",
        '"\\n"',
        None,
        None,
        None,
    ]


def test_tokens_may_name_indexes_or_keys_alone() -> None:
    texts = pa.array(['{"0":7}', "[8]"])
    assert jsontext.locate(texts, ("0",)).kinds.tolist() == [NUMBER, NUMBER]
    assert jsontext.locate(texts, ("0",), (True,)).kinds.tolist() == [MISSING, NUMBER]
    assert jsontext.locate(texts, ("0",), (False,)).kinds.tolist() == [NUMBER, MISSING]


def test_elements() -> None:
    found = jsontext.elements(jsontext.locate(pa.array(["[1,[2]]", "[]", "7"]), ()))
    assert found.counts.tolist() == [2, 0, 0]
    assert found.located.texts(found.located.kinds > 0).to_pylist() == ["1", "[2]"]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{ "b" : 1, "a": [ ] , "b": 2 }', '{"a":[],"b":1}'),
        ("1.5", "1.5"),
        ("1.50", None),
        ("01", None),
        ("", None),
    ],
)
def test_canonical_texts(text: str, canonical: str | None) -> None:
    found, good = jsontext.canonical(pa.array([text]))
    assert found.to_pylist() == [canonical] and good.tolist() == [canonical is not None]


def test_other_forms() -> None:
    texts = pa.array(['{"a":null,"b":[null,"x"]}'])
    assert jsontext.skeletons(texts)[0].to_pylist() == ['{"a":0,"b":[0,0]}']
    assert jsontext.without_nulls(texts, True, False)[0].to_pylist() == ['{"b":["x"]}']
    assert jsontext.indented(pa.array(['{"a":[1],"b":{}}']))[0].to_pylist() == [
        '{\n  "a": [\n    1\n  ],\n  "b": {}\n}'
    ]


def test_slices_of_columns() -> None:
    assert jsontext.locate(TEXTS.slice(1, 2), ("a",)).kinds.tolist() == [STRING, ARRAY + ODD]
    assert jsontext.locate(TEXTS.slice(0, 0), ("a",)).kinds.tolist() == []


def test_spliced_texts() -> None:
    import numpy as np

    found = jsontext.locate(TEXTS, ("a",))
    kept = found.kinds % AWRY > 0
    made = jsontext.spliced(found, found.starts, found.stops, pa.array(["9"] * len(TEXTS)), kept)
    assert made.to_pylist() == ['{"a":9}', '{"a":9}', '{"a" : 9}', '{"a":9}', None, None, None]
    assert np.array_equal(kept, [True, True, True, True, False, False, False])
