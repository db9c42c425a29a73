"""Reflection as generic clients use it, in a process that holds Google's client library too."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from bqsim.server.grpc.methods import METHODS, PACKAGE, VERSIONS, service_names
from bqsim.server.grpc.reflection import pool

from .conftest import Bench


def found(bench: Bench) -> tuple[ProtoReflectionDescriptorDatabase, Any]:
    database = ProtoReflectionDescriptorDatabase(bench.channel)
    return database, descriptor_pool.DescriptorPool(database)


def test_services_are_listed(bench: Bench) -> None:
    database, _ = found(bench)
    assert set(database.get_services()) == {
        *service_names(),
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_method_is_described_under_googles_names(bench: Bench, version: str) -> None:
    _, described = found(bench)
    for method in METHODS:
        service = described.FindServiceByName(f"{PACKAGE}.{version}.{method.service}")
        shown = service.methods_by_name[method.name]
        assert shown.input_type.full_name == f"{PACKAGE}.{version}.{method.request.DESCRIPTOR.name}"
        assert shown.output_type.full_name == f"{PACKAGE}.{version}.{method.answer.DESCRIPTOR.name}"


def test_a_method_can_be_called_by_what_reflection_tells(bench: Bench) -> None:
    _, described = found(bench)
    method = described.FindServiceByName(f"{PACKAGE}.v1.BigQueryRead").methods_by_name["CreateReadSession"]
    request = message_factory.GetMessageClass(method.input_type)()
    request.read_session.table = "projects/p/datasets/d/tables/t"
    data = bench.unary(f"/{method.containing_service.full_name}/{method.name}", request.SerializeToString())
    answer = message_factory.GetMessageClass(method.output_type).FromString(data)
    assert answer.table == "projects/p/datasets/d/tables/t"


def test_statuses_are_those_of_google_rpc(bench: Bench) -> None:
    _, described = found(bench)
    answer = described.FindMessageTypeByName(f"{PACKAGE}.v1.AppendRowsResponse")
    assert answer.fields_by_name["error"].message_type.full_name == "google.rpc.Status"
    assert described.FindMessageTypeByName("google.rpc.RetryInfo")
    assert described.FindMessageTypeByName("grpc.health.v1.HealthCheckRequest")


def test_the_messages_of_googles_library_stay_its_own() -> None:
    ours = pool().FindMessageTypeByName(f"{PACKAGE}.v1.ReadSession")
    theirs = types.ReadSession.pb().DESCRIPTOR
    assert ours.full_name == theirs.full_name
    assert ours is not theirs
    assert descriptor_pool.Default().FindMessageTypeByName(ours.full_name) is theirs


def test_the_later_reflection_service_answers_alike(bench: Bench) -> None:
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="no.such.Thing"),
        reflection_pb2.ServerReflectionRequest(),
    ]
    alpha = reflection_pb2_grpc.ServerReflectionStub(bench.channel).ServerReflectionInfo
    later = bench.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = list(later(iter(asked), timeout=10))
    assert answers == list(alpha(iter(asked), timeout=10))
    assert [a.error_response.error_code for a in answers[1:]] == [
        grpc.StatusCode.NOT_FOUND.value[0],
        grpc.StatusCode.INVALID_ARGUMENT.value[0],
    ]


def test_undecodable_requests_are_invalid(bench: Bench) -> None:
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    asked = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    answers = bench.channel.stream_stream(path)(iter([asked, b"\xff\xff"]), timeout=10)
    assert next(answers)
    with pytest.raises(grpc.RpcError) as caught:
        next(answers)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
