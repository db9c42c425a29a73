"""Paths of Cloud Storage."""

from __future__ import annotations

import pytest

from bqsim.server.gcs.paths import below_prefix, is_json


@pytest.mark.parametrize(
    ("path", "json", "below"),
    [
        ("/storage/v1/b/x/o", True, "b/x/o"),
        ("/download/storage/v1/b/x/o/y", True, "b/x/o/y"),
        ("/download/b/x/o/y", True, "b/x/o/y"),
        ("/resumable/upload/storage/v1/b/x/o", True, "b/x/o"),
        ("/upload/b/x/o", True, "b/x/o"),
        ("/b/x", True, "b/x"),
        ("/bucket/object", False, "bucket/object"),
    ],
)
def test_apis_are_told_apart(path: str, json: bool, below: str) -> None:
    assert is_json(path) is json
    assert below_prefix(path) == below
