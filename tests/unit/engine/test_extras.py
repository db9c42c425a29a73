from __future__ import annotations

import math

import pytest

from bqsim.engine.extras import require
from bqsim.errors import BigQueryError


def test_a_library_is_imported() -> None:
    assert require("math", extra="geo", what="Functions") is math


def test_a_library_that_is_not_installed_is_named_with_its_extra() -> None:
    with pytest.raises(BigQueryError) as caught:
        require("bqsim_no_such_library", extra="geo", what="GEOGRAPHY functions")
    assert caught.value.message == "GEOGRAPHY functions need the extra bqsim[geo]: pip install 'bqsim[geo]'"
    assert caught.value.reason.name == "invalidQuery"
