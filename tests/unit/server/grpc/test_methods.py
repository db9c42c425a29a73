from __future__ import annotations

import pytest

from bqsim.server.grpc.methods import METHODS, Method, Shape, service_names
from bqsim.storage.v1 import read_pb2, write_pb2

KINDS = {
    (False, False): Shape.UNARY,
    (False, True): Shape.SERVER_STREAM,
    (True, True): Shape.BOTH_STREAM,
}
DECLARED = {
    (service.name, method.name): method
    for module in (read_pb2, write_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def test_every_declared_method_is_served() -> None:
    assert {(m.service, m.name) for m in METHODS} == set(DECLARED)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_row_agrees_with_its_declaration(method: Method) -> None:
    declared = DECLARED[method.service, method.name]
    assert method.request.DESCRIPTOR is declared.input_type
    assert method.answer.DESCRIPTOR is declared.output_type
    assert method.shape is KINDS[declared.client_streaming, declared.server_streaming]
    assert method.resource_of(method.request()) == ""
    assert method.id == f"google.cloud.bigquery.storage.v1.{method.service}.{method.name}"


def test_resource_is_read_through_nested_messages() -> None:
    method = next(m for m in METHODS if m.name == "CreateReadSession")
    request = read_pb2.CreateReadSessionRequest()
    request.read_session.table = "projects/p/datasets/d/tables/t"
    assert method.resource_of(request) == "projects/p/datasets/d/tables/t"


def test_services_have_the_names_of_both_versions() -> None:
    assert service_names() == (
        "google.cloud.bigquery.storage.v1.BigQueryRead",
        "google.cloud.bigquery.storage.v1.BigQueryWrite",
        "google.cloud.bigquery.storage.v1beta2.BigQueryRead",
        "google.cloud.bigquery.storage.v1beta2.BigQueryWrite",
    )
