"""Statuses as google.api_core reads them."""

from __future__ import annotations

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from google.rpc import error_details_pb2

from bqsim.errors import REASONS, BigQueryError
from bqsim.server.grpc.status import DETAILS, MAX_TEXT_BYTES, status_of
from bqsim.storage.errors import StorageFailure, not_found
from bqsim.storage.v1 import status_pb2

from .conftest import Bench


def failure(bench: Bench, raised: Exception) -> exceptions.GoogleAPICallError:
    """What Google's client makes of a call that ends so."""
    bench.read.failure = raised
    with pytest.raises(grpc.RpcError) as caught:
        bench.create()
    return exceptions.from_grpc_error(caught.value)


def test_storage_error_is_among_the_details(bench: Bench) -> None:
    error = failure(bench, not_found("Requested entity was not found.", code="TABLE_NOT_FOUND", entity="t"))
    assert isinstance(error, exceptions.NotFound)
    assert error.message == "Requested entity was not found."
    [packed] = error.details
    google = types.StorageError.pb()()
    assert packed.Unpack(google)
    assert google.code == types.StorageError.StorageErrorCode.TABLE_NOT_FOUND
    assert (google.entity, google.error_message) == ("t", "Requested entity was not found.")


def test_retry_delay_is_a_retry_info(bench: Bench) -> None:
    error = failure(bench, StorageFailure("RESOURCE_EXHAUSTED", "slow down", retry_delay_s=1.25))
    assert isinstance(error, exceptions.ResourceExhausted)
    [info] = error.details
    assert isinstance(info, error_details_pb2.RetryInfo)
    assert info.retry_delay.ToNanoseconds() == 1_250_000_000


@pytest.mark.parametrize("reason", [r for r in REASONS if r != "notModified"])
def test_each_reason_has_its_status(reason: str) -> None:
    status = status_of(BigQueryError(reason, "what went wrong"))
    assert status.code.name == REASONS[reason].grpc
    assert (status.details, status.trailing_metadata) == ("what went wrong", ())


def test_long_texts_fit_into_the_metadata_that_clients_take(bench: Bench) -> None:
    raised = StorageFailure("INVALID_ARGUMENT", "ü€" * 100_000, code="STREAM_NOT_FOUND", entity="ä" * 100_000)
    error = failure(bench, raised)
    assert isinstance(error, exceptions.InvalidArgument)
    assert error.message.endswith("…")
    assert len(error.message.encode()) <= MAX_TEXT_BYTES
    assert len(error.details) == 1


def test_texts_that_are_no_unicode_are_told_all_the_same(bench: Bench) -> None:
    assert failure(bench, StorageFailure("INVALID_ARGUMENT", "a\ud800b")).message == "a?b"


def test_details_repeat_code_and_message() -> None:
    status = status_of(StorageFailure("ABORTED", "text", code="STREAM_FINALIZED"))
    [(name, data)] = status.trailing_metadata
    assert name == DETAILS
    repeated = status_pb2.Status.FromString(data)
    assert (repeated.code, repeated.message) == (grpc.StatusCode.ABORTED.value[0], "text")
