from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.locations import canonical_location


@pytest.mark.parametrize(
    ("given", "known"), [("US", "US"), ("us", "US"), ("eu", "EU"), ("US-Central1", "us-central1")]
)
def test_locations_are_case_insensitive(given: str, known: str) -> None:
    assert canonical_location(given) == known


def test_an_unknown_location_is_not_found() -> None:
    with pytest.raises(BigQueryError) as caught:
        canonical_location("mars-north1")
    assert caught.value.http == 404
    assert caught.value.message == "Not found: Location mars-north1"
