"""Google's own clients, pointed at a simulator. They come with the extra ``bqsim[client]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

# As Google's transports open their channels.
_CHANNEL_OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


def query_client(url: str, project: str, read: Callable[[], Any], **options: Any) -> Any:
    """A ``bigquery.Client`` whose ``to_arrow()`` and ``to_dataframe()`` read with what ``read`` makes."""
    with _extra("client", "google-cloud-bigquery"):
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

    class Client(bigquery.Client):  # type: ignore[misc]
        """The client alone would read results from Google's address."""

        def _ensure_bqstorage_client(self, bqstorage_client: Any = None, *args: Any, **given: Any) -> Any:
            if bqstorage_client is None:
                # Without the library, the client does as it always does then.
                with suppress(ModuleNotFoundError):
                    bqstorage_client = read()
            return super()._ensure_bqstorage_client(bqstorage_client, *args, **given)

    return Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=url),
        **options,
    )


def read_client(target: str) -> Any:
    """A ``BigQueryReadClient`` on an insecure channel; the caller owns it."""
    with _extra("read_client", "google-cloud-bigquery-storage"):
        from google.cloud import bigquery_storage_v1
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (
            BigQueryReadGrpcTransport,
        )

    return bigquery_storage_v1.BigQueryReadClient(
        transport=BigQueryReadGrpcTransport(channel=_channel(target))
    )


def write_client(target: str) -> Any:
    """A ``BigQueryWriteClient`` on an insecure channel; the caller owns it."""
    with _extra("write_client", "google-cloud-bigquery-storage"):
        from google.cloud import bigquery_storage_v1
        from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
            BigQueryWriteGrpcTransport,
        )

    return bigquery_storage_v1.BigQueryWriteClient(
        transport=BigQueryWriteGrpcTransport(channel=_channel(target))
    )


def _channel(target: str) -> Any:
    import grpc

    return grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)


@contextmanager
def _extra(method: str, package: str) -> Iterator[None]:
    """Name the extra that brings what is missing."""
    try:
        yield
    except ModuleNotFoundError as missing:
        text = f"Simulator.{method}() needs {package}: pip install 'bqsim[client]'"
        raise ModuleNotFoundError(text, name=missing.name) from None
