from __future__ import annotations

import io

import google_crc32c
import pytest

from bqsim.objects import checksums


@pytest.mark.parametrize("size", [0, 1, 9, 16383, 16384, 16385, 70_001, 1 << 20, (1 << 20) + 13])
def test_without_the_library_the_sum_is_the_same(size: int) -> None:
    data = bytes(i * 31 % 251 for i in range(size))
    assert checksums._extend(0, data) == google_crc32c.value(data)
    assert checksums._extend(google_crc32c.value(b"before"), data) == google_crc32c.value(b"before" + data)


def test_known_sums() -> None:
    # RFC 3720, B.4: 32 bytes of zeros.
    sums = checksums.Sums().of(io.BytesIO(bytes(32)))
    assert sums.crc32c == "ipE2qg=="
    assert sums.hashes() == {"md5": "cLyPS3KoaSFGi/joRB3OUQ==", "crc32c": "ipE2qg=="}
    assert checksums.crc32c(io.BytesIO(bytes(32))) == sums.crc32c
    assert checksums.md5(io.BytesIO(bytes(32))) == sums.md5
