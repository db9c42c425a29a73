from __future__ import annotations

import sys

import pytest

from tests.bench.proxy import MIB, streaming, uploading

TOTAL = 96 * MIB
# Far below a body, well above what is on its way.
BOUND_MB = 48

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")


def test_downloads_are_not_held() -> None:
    assert streaming(TOTAL, record=False)[2] < BOUND_MB


def test_recorded_uploads_are_not_held() -> None:
    assert uploading(TOTAL, record=True) < BOUND_MB
