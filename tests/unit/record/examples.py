"""How many examples Hypothesis draws: few by default, as many as ``BQSIM_EXAMPLES`` tells."""

from __future__ import annotations

import os

from hypothesis import settings

# Times of single examples say nothing on a busy machine.
EXAMPLES = settings(max_examples=int(os.environ.get("BQSIM_EXAMPLES", "25")), deadline=None)
