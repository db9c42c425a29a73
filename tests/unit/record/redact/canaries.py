"""Secrets of every kind, none of which opens anything: drawn from a seed, in the form of real ones."""

from __future__ import annotations

import base64
import random
import string
from functools import cache

_LOWER = string.ascii_lowercase + string.digits
_MIXED = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


@cache
def canaries(seed: int = 7) -> dict[str, tuple[str, str]]:
    """By name: a text in which the secret stands as it would, and the secret alone."""
    draw = random.Random(seed)

    def some(letters: str, size: int) -> str:
        return "".join(draw.choice(letters) for _ in range(size))

    def mixed(size: int) -> str:
        return "aB3" + some(_MIXED, size - 3)

    def hexed(size: int) -> str:
        return some(_HEX, size)

    def web(data: str) -> str:
        return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")

    upper = string.ascii_uppercase + string.digits
    person = f"{some(string.ascii_lowercase, 7)}.{some(string.ascii_lowercase, 9)}"
    found: dict[str, str | tuple[str, str]] = {
        "oauth token": "ya29." + mixed(60),
        "refresh token": "1//0" + mixed(50),
        "auth code": "4/0AX4XfWh" + mixed(40),
        "api key": "AIzaSy" + mixed(33),
        "client secret": "GOCSPX-" + mixed(28),
        "client id": f"{some('123456789', 12)}-{some(_LOWER, 32)}.apps.googleusercontent.com",
        "gcp hmac": "GOOG1E" + some(upper, 55),
        "jwt": "eyJhbGciOiJSUzI1NiJ9." + web('{"sub":"' + mixed(30) + '"}') + "." + mixed(60),
        "private key": (
            "-----BEGIN PRIVATE KEY-----\n"
            + "\n".join(mixed(64) for _ in range(5))
            + "\n-----END PRIVATE KEY-----\n"
        ),
        "rsa key cut off": "-----BEGIN RSA PRIVATE KEY-----\n" + mixed(64) + "\n" + mixed(64),
        "openssh key": (
            "-----BEGIN OPENSSH PRIVATE KEY-----\n" + mixed(70) + "\n-----END OPENSSH PRIVATE KEY-----"
        ),
        "aws key": "AKIA" + some(upper, 16),
        "aws secret": (f"aws_secret_access_key = {(s := mixed(40))}", s),
        "azure account key": (
            f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={(s := mixed(86))}==;EndpointSuffix=x",
            s,
        ),
        "azure client secret": "aB38Q~" + mixed(34),
        "azure signature": (
            f"https://a.blob.core.windows.net/c/b?sv=2022-11-02&se=2030&sig={(s := mixed(43))}%3D",
            s,
        ),
        "signed url v4": (
            "https://storage.googleapis.com/b/o?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20260101T000000Z"
            f"&X-Goog-Signature={(s := hexed(512))}",
            s,
        ),
        "signed url v2": (
            "https://storage.googleapis.com/b/o?Expires=1893456000&GoogleAccessId=x"
            f"&Signature={(s := mixed(170))}%3D%3D",
            s,
        ),
        "aws signed url": (
            f"https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature={(s := hexed(64))}",
            s,
        ),
        "upload session": (
            f"https://x.googleapis.com/upload/x?uploadType=resumable&upload_id={(s := 'ADPy' + mixed(90))}",
            s,
        ),
        "github token": "ghp_" + mixed(36),
        "github app token": "ghs_" + mixed(36),
        "github fine token": "github_pat_" + mixed(22) + "_" + mixed(59),
        "gitlab token": "glpat-" + mixed(20),
        "slack token": f"xoxb-{some(string.digits, 12)}-{some(string.digits, 12)}-{mixed(24)}",
        "slack webhook": (
            f"https://hooks.slack.com/services/{(s := f'T{some(upper, 8)}/B{some(upper, 8)}/{mixed(24)}')}",
            s,
        ),
        "discord webhook": (f"https://discord.com/api/webhooks/1234567890/{(s := mixed(68))}", s),
        "stripe key": "sk_" + "live_" + mixed(24),
        "stripe webhook secret": "whsec_" + mixed(32),
        "openai key": "sk-proj-" + mixed(48),
        "openai old key": "sk-" + mixed(48),
        "anthropic key": "sk-ant-api03-" + mixed(80),
        "huggingface token": "hf_" + mixed(34),
        "npm token": "npm_" + mixed(36),
        "pypi token": "pypi-AgEIcHlwaS5vcmc" + mixed(60),
        "docker token": "dckr_pat_" + mixed(27),
        "sendgrid key": f"SG.{mixed(22)}.{mixed(43)}",
        "mailgun key": "key-" + hexed(32),
        "twilio key": "SK" + hexed(32),
        "telegram token": f"{some('123456789', 10)}:AA{mixed(33)}",
        "digitalocean token": "dop_v1_" + hexed(64),
        "shopify token": "shpat_" + hexed(32),
        "databricks token": "dapi" + hexed(32),
        "vault token": "hvs." + mixed(90),
        "new relic key": "NRAK-" + some(upper, 27),
        "grafana token": f"glsa_{mixed(32)}_{hexed(8)}",
        "linear key": "lin_api_" + mixed(40),
        "postman key": f"PMAK-{hexed(24)}-{hexed(34)}",
        "age key": "AGE-SECRET-KEY-1" + some(upper, 58),
        "tailscale key": "tskey-auth-" + mixed(30),
        "url password": (f"postgres://app:{(s := mixed(16))}@db.internal:5432/x", s),
        "connection string": (f"Server=db;Uid=app;Pwd={(s := mixed(16))};", s),
        "password": (f"password='{(s := mixed(14))}'", s),
        "password in a comment": (f"-- the password: {(s := mixed(14))}", s),
        "sql identified by": (f"CREATE USER u IDENTIFIED BY '{(s := mixed(14))}'", s),
        "json secret": ('{"client_secret": "' + (s := mixed(24)) + '"}', s),
        "basic credentials": ("Basic " + (s := base64.b64encode(f"app:{mixed(16)}".encode()).decode()), s),
        "bearer token": ("Bearer " + (s := mixed(32)), s),
        "cookie": (f"Cookie: sid={(s := mixed(32))}; theme=dark", s),
        "e-mail": f"{person}@corp-mail.com",
        "e-mail of a service": f"{some(string.ascii_lowercase, 10)}@some-project-42.iam.gserviceaccount.com",
        "e-mail for tests": f"{person}@example.com",
        "project number": (f"projects/{(s := '7' + some(string.digits, 11))}/datasets/d", s),
        "project number in words": (f"Project number: {(s := '8' + some(string.digits, 11))}", s),
        "billing account": (
            f"billingAccounts/{(s := '-'.join(some('0123456789ABCDEF', 6) for _ in range(3)))}",
            s,
        ),
        "card": "4539578763621486",
        "card in groups": "5425-2334-3010-9903",
        "iban": "DE89370400440532013000",
        "iban in groups": "GB29 NWBK 6016 1331 9268 19",
        "social security number": "536-22-8714",
        "phone": "+49 171 5550123",
        "phone us": "(415) 555-0132",
        "drawn by chance": mixed(44),
    }
    return {name: one if isinstance(one, tuple) else (one, one) for name, one in found.items()}


def secrets() -> list[str]:
    return [secret for _, secret in canaries().values()]


def halves(secret: str, least: int = 12) -> list[str]:
    """The secret, and its halves that are long enough to tell it."""
    middle = len(secret) // 2
    return [
        part for part in (secret, secret[:middle], secret[middle:]) if len(part) >= min(least, len(secret))
    ]
