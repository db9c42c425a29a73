"""Calls of the gRPC Storage services: channels, single calls, and errors of statuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bqclient import errors as e
from bqclient.resilience.policies import STATUS_RULES, Rule
from bqclient.resilience.retry import Attempt, Call, Retrier
from bqclient.runtime import Deadline, Runtime

if TYPE_CHECKING:
    import grpc.aio

    from bqclient.auth.tokens import Tokens
    from bqclient.config import ClientConfig
    from bqclient.observability import Observability

    from .status import Details

READ = "google.cloud.bigquery.storage.v1.BigQueryRead"
WRITE = "google.cloud.bigquery.storage.v1.BigQueryWrite"

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    # Each channel has connections of its own: streams do not share one.
    ("grpc.use_local_subchannel_pool", 1),
    # What may come on a stream before it is asked for: as much as a fast connection has on its way, and no
    # more, where the library's own estimate would grow with the speed.
    ("grpc.http2.lookahead_bytes", 4 << 20),
    ("grpc.http2.bdp_probe", 0),
    # Retries are the client's own.
    ("grpc.enable_retries", 0),
)

# What the library says where a certificate is not trusted, or another host's.
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")

# What single calls do otherwise than the table of statuses (their published service configuration).
_AT_ONCE = Rule(e.ServiceUnavailableError, "unavailable", ambiguous=True)
_LONGER = Rule(e.DeadlineExceededError, "deadline", ambiguous=True)
_WAITS = Rule(e.RateLimitError, "rate", refused=True)
_NOT = Rule(e.BigQueryError)
_CONTROL: Mapping[str, Rule] = {"UNAVAILABLE": _AT_ONCE, "DEADLINE_EXCEEDED": _LONGER}
_STREAM_CONTROL: Mapping[str, Rule] = {**_CONTROL, "RESOURCE_EXHAUSTED": _WAITS}
METHOD_RULES: Mapping[str, Mapping[str, Rule]] = {
    "CreateReadSession": _CONTROL,
    "SplitReadStream": _CONTROL,
    "CreateWriteStream": _STREAM_CONTROL,
    "GetWriteStream": _STREAM_CONTROL,
    "FinalizeWriteStream": _STREAM_CONTROL,
    "BatchCommitWriteStreams": _STREAM_CONTROL,
    "FlushRows": _STREAM_CONTROL,
    # Appends are sent again at once after a restart of the service, which says ABORTED of it.
    "AppendRows": {
        "ABORTED": _AT_ONCE,
        "CANCELLED": Rule(e.ConnectionFailedError, "connection", ambiguous=True),
        "DEADLINE_EXCEEDED": _LONGER,
        "INTERNAL": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        "RESOURCE_EXHAUSTED": _WAITS,
        "UNAVAILABLE": _AT_ONCE,
        "UNKNOWN": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
    },
}


class Rpc:
    """The gRPC side of a client. Channels are opened when first used; each is one connection."""

    def __init__(
        self,
        config: ClientConfig,
        tokens: Tokens,
        retrier: Retrier,
        observability: Observability | None = None,
    ) -> None:
        self._config, self._tokens, self._retrier = config, tokens, retrier
        self.observability = observability
        self._channels: dict[int, grpc.aio.Channel] = {}

    @property
    def runtime(self) -> Runtime:
        """Time and randomness."""
        return self._retrier.runtime

    @property
    def retrier(self) -> Retrier:
        """The engine that makes calls again: streams ask its breakers and policies, too."""
        return self._retrier

    @property
    def endpoint(self) -> str:
        """``host:port`` of the service."""
        return self._config.endpoints.grpc

    def channel(self, number: int = 0) -> grpc.aio.Channel:
        """The channel of that number."""
        found = self._channels.get(number)
        if found is None:
            import grpc

            address = self._config.endpoints
            if address.plain_grpc:
                found = grpc.aio.insecure_channel(address.grpc, options=_OPTIONS)
            else:
                found = grpc.aio.secure_channel(
                    address.grpc, grpc.ssl_channel_credentials(self._authorities()), options=_OPTIONS
                )
            if self._config.listener is not None:
                from .listening import ListeningChannel

                found = ListeningChannel(found, self._config.listener, address.grpc)
            self._channels[number] = found
        return found

    def _authorities(self) -> bytes | None:
        """The certificates of authorities to trust, where they are given."""
        file = self._config.ca_file
        return None if file is None else Path(file).read_bytes()

    async def metadata(self, routing: Mapping[str, str], deadline: Deadline) -> tuple[tuple[str, str], ...]:
        """The metadata of a call: token and routing header (``{"read_stream": name}``)."""
        routed = "&".join(f"{name}={quote(value, safe='')}" for name, value in routing.items())
        token = await self._tokens.headers(deadline)
        return (("x-goog-request-params", routed), ("x-goog-api-client", "bqclient"), *token.items())

    async def unary(
        self,
        service: str,
        method: str,
        request: Any,
        answer: type[Any],
        routing: Mapping[str, str],
        *,
        deadline: Deadline | None = None,
        idempotent: bool = True,
        attempts: list[Attempt] | None = None,
    ) -> Any:
        """One call with one answer, made again as the method's table says. Raises the error of its status.

        ``attempts``: gets each sending of the call.
        """
        rules = METHOD_RULES.get(method, {})
        call = Call(
            method,
            self.endpoint,
            deadline or Deadline.after(self.runtime, self._config.timeout),
            idempotent,
            lambda error: rules.get(error.status, _NOT) if error.status else None,
        )

        async def attempt(this: Attempt) -> Any:
            import grpc

            if attempts is not None:
                attempts.append(this)
            make = self.channel().unary_unary(
                f"/{service}/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            renewed = False
            while True:
                metadata = await self.metadata(routing, call.deadline)
                try:
                    return await make(request, metadata=metadata, timeout=call.deadline.remaining())
                except grpc.aio.AioRpcError as error:
                    made = error_of_rpc(method, error)
                    if isinstance(made, e.UnauthenticatedError) and not renewed:
                        renewed = True
                        if await self._tokens.renew():
                            continue
                    raise made from error

        if self.observability is None:
            return await self._retrier.run(call, attempt)
        with self.observability.call(method, self._config.project, None):
            return await self._retrier.run(call, attempt)

    async def renew(self) -> bool:
        """After UNAUTHENTICATED on a stream: another token. False where there is none to get."""
        return await self._tokens.renew()

    async def close(self) -> None:
        """Close all channels; their streams end."""
        channels, self._channels = list(self._channels.values()), {}
        await asyncio.gather(*(channel.close() for channel in channels))


def error_of_rpc(method: str, error: Any) -> e.BigQueryError:
    """The error that a ``grpc.RpcError`` stands for, with what its trailing metadata tells."""
    from .status import storage_details

    status = error.code().name
    found = storage_details(error.trailing_metadata() or ())
    return error_of_status(method, status, error.details() or status, found)


def error_of_status(method: str, status: str, message: str, found: Details | None = None) -> e.BigQueryError:
    """The error that a status stands for; ``found``: :class:`.status.Details`."""
    if status == "UNAVAILABLE" and any(sign in message for sign in _UNTRUSTED):
        # Its status would have it asked for again and again.
        why = "the certificate of the host is not trusted"
        return e.CertificateError(f"{method} could not be sent: {why}.", details=({"status": status},))
    rule = METHOD_RULES.get(method, {}).get(status) or STATUS_RULES.get(status)
    kind = rule.error if rule else e.StorageError
    known: dict[str, Any] = {"status": status, "ambiguous": bool(rule and rule.ambiguous)}
    if found is not None:
        known["retry_after"] = found.retry_after
        by_kind = STORAGE_ERRORS.get(found.kind)
        if by_kind is not None or (found.kind and not issubclass(kind, e.TransportError)):
            kind = by_kind or e.StorageError
            known |= {"kind": found.kind, "entity": found.entity}
            known["ambiguous"] = False
    return kind(message, **known)


# google.cloud.bigquery.storage.v1.StorageError.StorageErrorCode to the tree.
STORAGE_ERRORS: Mapping[str, type[e.StorageError]] = {
    "STREAM_FINALIZED": e.StreamFinalizedError,
    "SCHEMA_MISMATCH_EXTRA_FIELDS": e.SchemaChangedError,
    "OFFSET_ALREADY_EXISTS": e.OffsetError,
    "OFFSET_OUT_OF_RANGE": e.OffsetError,
    "STREAM_NOT_FOUND": e.StorageNotFoundError,
    "TABLE_NOT_FOUND": e.StorageNotFoundError,
}
