"""BigQuery's locations (page *BigQuery locations*)."""

from __future__ import annotations

from bqsim.errors import not_found

MULTI_REGIONS = ("US", "EU")
_REGIONS = """
africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1
asia-south2 asia-southeast1 asia-southeast2 asia-southeast3 australia-southeast1 australia-southeast2
europe-central2 europe-north1 europe-north2 europe-southwest1 europe-west1 europe-west2 europe-west3
europe-west4 europe-west6 europe-west8 europe-west9 europe-west10 europe-west12 me-central1 me-central2
me-west1 northamerica-northeast1 northamerica-northeast2 northamerica-south1 southamerica-east1
southamerica-west1 us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4
aws-us-east-1 aws-us-west-2 aws-ap-northeast-2 aws-ap-southeast-2 aws-eu-west-1 aws-eu-central-1
azure-eastus2 """
REGIONS = tuple(_REGIONS.split())
_CANONICAL = {name.lower(): name for name in (*MULTI_REGIONS, *REGIONS)}


def location_called(name: str) -> str | None:
    """``name`` as the service spells it; None for one that it does not have."""
    return _CANONICAL.get(name.lower())


def canonical_location(name: str) -> str:
    """``name`` as the service spells it (``us`` → ``US``); 404 ``notFound`` for one it does not have."""
    found = _CANONICAL.get(name.lower())
    if found is None:
        raise not_found("Location", name[:100])
    return found
