from __future__ import annotations

import pytest

from bqsim.objects import ObjectInfo
from bqsim.server.gcs.conditions import check_etags, check_of, of_headers
from bqsim.server.gcs.errors import StorageError
from bqsim.server.gcs.resources import etag_of

FOUND = ObjectInfo("bucket", "x", 0, 7, 2, 0, 0)


def status(query: dict[str, str], found: ObjectInfo | None = FOUND, *, reading: bool = False) -> int:
    try:
        check_of(query, reading=reading)(found)
    except StorageError as error:
        return error.http
    return 200


def test_generations() -> None:
    assert status({"ifGenerationMatch": "7"}) == 200
    assert status({"ifGenerationMatch": "8"}) == 412
    assert status({"ifGenerationMatch": "0"}) == 412
    assert status({"ifGenerationMatch": "0"}, None) == 200
    assert status({"ifGenerationMatch": "7"}, None) == 412
    assert status({"ifGenerationNotMatch": "7"}) == 412
    assert status({"ifGenerationNotMatch": "7"}, reading=True) == 304
    assert status({"ifGenerationNotMatch": "0"}, None) == 412


def test_metagenerations() -> None:
    assert status({"ifMetagenerationMatch": "2"}) == 200
    assert status({"ifMetagenerationMatch": "1"}) == 412
    assert status({"ifMetagenerationMatch": "1"}, None) == 412
    assert status({"ifMetagenerationNotMatch": "2"}, reading=True) == 304
    assert status({"ifMetagenerationNotMatch": "2"}, None) == 412


@pytest.mark.parametrize("text", ["x", "1.5", "9" * 19, "--1", "٣"])
def test_other_text_is_400(text: str) -> None:
    with pytest.raises(StorageError) as failed:
        check_of({"ifGenerationMatch": text})
    assert failed.value.http == 400


def test_headers_say_the_same() -> None:
    assert of_headers({"x-goog-if-generation-match": "3"}) == {"ifGenerationMatch": "3"}


def test_etags() -> None:
    etag = etag_of(7, 2)
    check_etags({"if-match": f'"{etag}"'}, FOUND)
    check_etags({"if-match": "*"}, FOUND)
    check_etags({"if-none-match": '"other"'}, FOUND)
    for headers, code in (({"if-match": '"other"'}, 412), ({"if-none-match": f'W/"{etag}", "x"'}, 304)):
        with pytest.raises(StorageError) as failed:
            check_etags(headers, FOUND)
        assert failed.value.http == code
