"""What secrets are in bytes that should have none."""

from __future__ import annotations

from dataclasses import dataclass

from .policy import Policy
from .redactor import Redactor


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that was found: its ``kind``, ``where`` (``line 3``, ``byte 120``, or '' when it stands
    encoded), and what may be shown of it."""

    kind: str
    where: str
    shown: str


def shown(secret: str) -> str:
    """What may be shown of a secret: its first characters, if it has enough others, and its length."""
    head = "".join(c if c.isprintable() else "?" for c in secret[: min(4, len(secret) // 4)])
    return f"{head}… ({len(secret)} characters)"


def leaks(data: bytes, media: str = "", policy: Policy | None = None) -> list[Leak]:
    """The secrets in ``data``, each once, in the order of their finding."""
    found: dict[tuple[str, str], None] = {}
    Redactor(policy, key=b"scan", seen=lambda kind, secret: found.setdefault((kind, secret))).content(
        data, media
    )
    return [Leak(kind, where(data, secret), shown(secret)) for kind, secret in found]


def where(data: bytes, secret: str) -> str:
    """Where a secret stands in ``data``."""
    at = data.find(secret.encode("utf-8", "surrogatepass"))
    if at < 0:
        at = data.find(secret.split("\n")[0].encode("utf-8", "surrogatepass"))
    if at < 0:
        return ""
    if b"\0" in data[:4096]:
        return f"byte {at}"
    line = data.count(b"\n", 0, at) + 1
    return f"line {line}"
