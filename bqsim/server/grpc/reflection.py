"""Server reflection: clients such as grpcurl ask for the services and their messages.

Our messages appear under Google's names, in a descriptor pool of their own: the process may hold Google's
client library, whose messages have the same names in the default pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from bqsim.storage.v1 import formats_pb2, read_pb2, status_pb2, stream_pb2, table_pb2, write_pb2

from .decoding import decoding_each
from .methods import PACKAGE, VERSIONS

OURS = "bqsim.storage.v1"
# Each after those it imports.
FILES = (formats_pb2, table_pb2, stream_pb2, status_pb2, read_pb2, write_pb2)
# Messages that Google keeps elsewhere, by their files.
RPC = {"Status": "google/rpc/status.proto", "RetryInfo": "google/rpc/error_details.proto"}
# The two are equal on the wire.
SERVICES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)


def handlers(services: Iterable[str]) -> tuple[Any, ...]:
    """The generic handlers of reflection for the named services."""
    servicer = reflection.ReflectionServicer((*services, *SERVICES), pool=pool())
    method = grpc.stream_stream_rpc_method_handler(
        decoding_each(reflection_pb2.ServerReflectionRequest, servicer.ServerReflectionInfo),
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return tuple(
        grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method}) for name in SERVICES
    )


def pool() -> Any:
    """A descriptor pool with our files under Google's names, and what they import."""
    made = descriptor_pool.DescriptorPool()
    for module in (health_pb2, reflection_pb2):
        made.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    for file in _imported():
        made.AddSerializedFile(file.serialized_pb)
    for file in _rpc_files():
        made.Add(file)
    for version in VERSIONS:
        for module in FILES:
            made.Add(_renamed(module.DESCRIPTOR, version))
    return made


def _imported() -> Iterator[Any]:
    """Google's well-known files that ours import."""
    found = {d.name: d for module in FILES for d in module.DESCRIPTOR.dependencies}
    return (found[name] for name in sorted(found) if not name.startswith(_folder(OURS)))


def _folder(package: str) -> str:
    return package.replace(".", "/") + "/"


def _proto(file: Any) -> Any:
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    return proto


def _rpc_files() -> Iterator[Any]:
    """A file for each message of :data:`RPC`, with what the original imports."""
    original = _proto(status_pb2.DESCRIPTOR)
    for name, path in RPC.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=path, package="google.rpc", syntax=original.syntax, dependency=original.dependency
        )
        file.message_type.extend(m for m in original.message_type if m.name == name)
        yield file


def _renamed(descriptor: Any, version: str) -> Any:
    """One of our files under the names of a version."""
    package = f"{PACKAGE}.{version}"
    file = _proto(descriptor)
    file.name = _moved(file.name, package)
    file.package = package
    imports = [_moved(name, package) for name in file.dependency]
    file.dependency[:] = [*imports, *RPC.values()]
    kept = [m for m in file.message_type if m.name not in RPC]
    del file.message_type[:]
    file.message_type.extend(kept)
    for message in file.message_type:
        _rename_types(message, package)
    for service in file.service:
        for method in service.method:
            method.input_type = _renamed_type(method.input_type, package)
            method.output_type = _renamed_type(method.output_type, package)
    return file


def _moved(path: str, package: str) -> str:
    own = path.removeprefix(_folder(OURS))
    return path if own == path else _folder(package) + own


def _rename_types(message: Any, package: str) -> None:
    for field in message.field:
        if field.HasField("type_name"):
            field.type_name = _renamed_type(field.type_name, package)
    for nested in message.nested_type:
        _rename_types(nested, package)


def _renamed_type(name: str, package: str) -> str:
    own = name.removeprefix(f".{OURS}.")
    if own == name:
        return name
    return f".google.rpc.{own}" if own in RPC else f".{package}.{own}"
