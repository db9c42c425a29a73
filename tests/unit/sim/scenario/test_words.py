from __future__ import annotations

import grpc
import pytest

from bqsim.sim.latency.presets import PRESETS
from bqsim.sim.limits.profile import PROFILES
from bqsim.sim.scenario import words
from bqsim.storage.v1 import status_pb2


def test_latency_presets_are_those_there_are() -> None:
    assert set(words.LATENCY_PRESETS) == set(PRESETS)


def test_limit_profiles_are_those_there_are() -> None:
    assert set(words.LIMIT_PROFILES) == set(PROFILES)


def test_grpc_statuses_are_all_but_ok() -> None:
    assert set(words.GRPC_STATUSES) == {code.name for code in grpc.StatusCode} - {"OK"}


def test_storage_codes_are_those_of_the_api() -> None:
    names = set(status_pb2.StorageError.StorageErrorCode.keys())
    assert set(words.STORAGE_CODES) == names - {"STORAGE_ERROR_CODE_UNSPECIFIED"}


WORDS = {name: value for name, value in vars(words).items() if isinstance(value, tuple)}


@pytest.mark.parametrize("choices", WORDS.values(), ids=WORDS)
def test_no_word_twice(choices: tuple[str, ...]) -> None:
    assert len(set(choices)) == len(choices)
