"""What comes of the cancel of a job."""

from __future__ import annotations

from enum import Enum


class Cancel(Enum):
    """``WINS``: the job ends, once its work has stopped. ``LOSES``: it ends as it would have.

    ``TOO_LATE``: it is DONE before the cancel is answered, as it would have been.
    """

    WINS = "wins"
    LOSES = "loses"
    TOO_LATE = "too_late"
