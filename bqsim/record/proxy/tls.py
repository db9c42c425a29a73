"""TLS on either side: certificates of the proxy's own, and whom it trusts upstream."""

from __future__ import annotations

import datetime as dt
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DAYS = 30
# What names the authorities that clients trust: OpenSSL, requests, gRPC, Node, curl.
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CURL_CA_BUNDLE",
)
NODE_VARIABLE = "NODE_EXTRA_CA_CERTS"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate (chain) and key, PEM files. ``ca`` is what clients are to trust, '' when they do
    already."""

    chain: Path
    key: Path
    ca: Path | None = None

    def context(self, *protocols: str) -> ssl.SSLContext:
        """The context of a server that offers ``protocols`` by ALPN. OSError when a file cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        context.set_alpn_protocols(list(protocols))
        return context


def self_signed(folder: Path, now: dt.datetime, *hosts: str) -> Certificate:
    """A certificate for ``hosts``, made now, valid for a month. ModuleNotFoundError without the extra."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ModuleNotFoundError as missing:
        text = "a self-signed certificate needs cryptography: pip install 'bqsim[crypto]'"
        raise ModuleNotFoundError(text, name=missing.name) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bqsim recorder")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        # Clients take it for the authority that signed it, which it is.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(x509, host) for host in hosts]), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    chain, secret = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return Certificate(chain, secret, chain)


def _alternative(x509: Any, host: str) -> Any:
    from ipaddress import ip_address

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def bundle(folder: Path, ca: Path) -> Path:
    """A file of what this machine trusts and of ``ca``, for clients that take one file for all."""
    paths = ssl.get_default_verify_paths()
    known = next((Path(p) for p in (paths.cafile, _certifi()) if p and Path(p).is_file()), None)
    file = folder / "authorities.pem"
    file.write_bytes(ca.read_bytes() + b"\n" + (known.read_bytes() if known else b""))
    return file


def _certifi() -> str:
    try:
        import certifi
    except ModuleNotFoundError:
        return ""
    return str(certifi.where())


def upstream_context(
    ca_file: str | Path | None = None, *, verify: bool = True, protocols: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """Whom the proxy trusts: the system's authorities, or those of ``ca_file``. OSError for a file that
    holds none."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        if ca_file is None and not context.get_ca_certs() and _certifi():
            context.load_verify_locations(_certifi())
    except ssl.SSLError as error:
        raise OSError(f"{ca_file} holds no certificates: {error}") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
