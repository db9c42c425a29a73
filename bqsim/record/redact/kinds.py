"""The kinds of secrets that are known by their form, and names whose values are secret."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass


def _any(found: re.Match[str]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of secret. ``anchors``: one of them (in lower case) stands in every text that holds one.
    ``pattern`` finds it; its group ``s`` is the secret (the whole match without that group). ``loose`` is
    the same without what must stand before it, for bytes; none for kinds whose form is too weak there.
    ``check`` refuses matches. ``pseudonym``: equal secrets stay equal."""

    name: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    loose: re.Pattern[str] | None = None
    check: Callable[[re.Match[str]], bool] = _any
    pseudonym: bool = False


# What may not stand before a token: it would be a part of another one.
_LEFT = r"(?<![A-Za-z0-9_])"


def _token(name: str, *forms: str, anchors: tuple[str, ...], pseudonym: bool = False) -> Kind:
    """A kind told by its prefix."""
    form = "|".join(forms)
    return Kind(
        name, anchors, re.compile(f"{_LEFT}(?:{form})"), re.compile(f"(?:{form})"), pseudonym=pseudonym
    )


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit) * (1 + place % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


_CARD_PREFIX = re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)|3[47]|6011|65|64[4-9]|35|62")


def _card(found: re.Match[str]) -> bool:
    digits = _digits(found.group())
    sizes = (15,) if digits.startswith(("34", "37")) else (16, 19)
    same = len(set(digits)) == 1
    return not same and len(digits) in sizes and bool(_CARD_PREFIX.match(digits)) and _luhn(digits)


def _iban(found: re.Match[str]) -> bool:
    text = found.group().replace(" ", "")
    if not 15 <= len(text) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _phone(found: re.Match[str]) -> bool:
    return 10 <= len(_digits(found.group())) <= 15


def _basic(found: re.Match[str]) -> bool:
    """Basic credentials hold a colon; other words after "basic" are prose."""
    text = found["s"].rstrip("=")
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in plain


def _bearer(found: re.Match[str]) -> bool:
    """A token is no word of prose: it has a digit, or is long."""
    text = found["s"]
    return len(text) >= 24 or any(c.isdigit() for c in text)


_COMMON_TOP = "com|org|net|edu|gov|mil|int|info|biz|io|dev|app|ai|co|me|cloud|example|test|local|internal"

# Google's names of principals that are no persons': nothing to hide.
_PUBLIC_DOMAINS = ("system.gserviceaccount.com",)

_WORDS_OF_SECRETS = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|api[_\-. ]?key|api[_\-. ]?secret|apikey|access[_\-. ]?token"
    r"|refresh[_\-. ]?token|id[_\-. ]?token|auth[_\-. ]?token|session[_\-. ]?token|security[_\-. ]?token"
    r"|bearer[_\-. ]?token|client[_\-. ]?secret|private[_\-. ]?key(?:[_\-. ]?id)?|secret[_\-. ]?key"
    r"|secret[_\-. ]?access[_\-. ]?key|account[_\-. ]?key|shared[_\-. ]?access[_\-. ]?(?:key|signature)"
    r"|sas[_\-. ]?token|encryption[_\-. ]?key|signing[_\-. ]?key|credentials?|jsessionid|phpsessid"
    r"|connect\.sid|sessionid|session[_\-. ]?id|client[_\-. ]?assertion)"
)
_ASSIGNMENT = rf"(?i:{_WORDS_OF_SECRETS})(?![A-Za-z])(?:\\*(?:\"\"|['\"`]))?(?P<sep>[ \t]*(?:=>|[:=])[ \t]*)"
_ANCHORS = ("pass", "pwd", "secret", "key", "token", "credential", "sess", "sid", "assertion", "signature")
_REFERENCE = re.compile(
    r"@|\$\{|redacted|x+$|\*+$|null$|none$|true$|false$|string$|bytes$|projects/|organizations/|<|%s$|\?",
    re.I,
)
_PATH_OF_NAMES = re.compile(r"[A-Za-z_`][\w`]*(?:\.[A-Za-z_`][\w`]*)+$")
_NAME_ALONE = re.compile(r"[A-Za-z_]\w*$")


def _assigned(found: re.Match[str]) -> bool:
    """Whether what follows ``password =`` is a value, and no name or parameter of SQL."""
    text = found["s"]
    if _REFERENCE.match(text):
        return False
    if _PATH_OF_NAMES.match(text) or found.string[found.end() : found.end() + 1] == "(":
        return False
    if found["sep"].strip() == ":" or found["sep"] == "=":
        return len(text) >= 4
    return len(text) >= 6 and not _NAME_ALONE.match(text) and not text.isdigit()


def _secret_url(found: re.Match[str]) -> bool:
    return not _REFERENCE.match(found["s"])


def _email(found: re.Match[str]) -> bool:
    return not found.group().lower().endswith(_PUBLIC_DOMAINS)


def _ssn(found: re.Match[str]) -> bool:
    area, group, serial = found.group().split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


_URL_SECRETS = (
    r"x-goog-signature|x-amz-signature|x-goog-credential|x-amz-credential|x-amz-security-token|signature"
    r"|googleaccessid|awsaccesskeyid|sig|key-pair-id|access_token|refresh_token|id_token|oauth_token"
    r"|client_secret|assertion|code_verifier|api_key|apikey|auth_token|password|passwd|pwd|token"
    r"|private_key|secret|subject_token|session_token|x-goog-encryption-key|x-serverless-authorization"
)

KINDS: tuple[Kind, ...] = (
    Kind(
        "private-key",
        ("-----begin",),
        pem := re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}-----(?:(?!-----BEGIN).){0,65536}?-----END [A-Z0-9 ]{0,40}-----"
            r"|-----BEGIN [A-Z0-9 ]{0,40}-----(?:[A-Za-z0-9+/=\s:,\-]|\\[nr])*",
            re.DOTALL,
        ),
        pem,
    ),
    Kind(
        "putty-key",
        ("putty-user-key-file",),
        putty := re.compile(r"PuTTY-User-Key-File-\d:(?:[^\"']|\\.)*"),
        putty,
    ),
    Kind(
        "cookie",
        ("cookie:",),
        cookie := re.compile(r"(?i:set-cookie|cookie):[ \t]*(?P<s>[^\s\"'][^\r\n\"']*)"),
        cookie,
        _secret_url,
    ),
    Kind(
        "jwt",
        ("eyj",),
        re.compile(_LEFT + r"eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*){0,3}"),
        re.compile(r"eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*){0,3}"),
    ),
    _token("google-oauth-token", r"ya29\.[\w\-.]{8,}", anchors=("ya29.",)),
    _token("google-refresh-token", r"1//[\w\-]{20,}", anchors=("1//",)),
    _token("google-auth-code", r"4/0A[\w\-]{20,}", anchors=("4/0a",)),
    _token("google-api-key", r"AIza[\w\-]{30,}", anchors=("aiza",)),
    _token("google-client-secret", r"GOCSPX-[\w\-]{10,}", anchors=("gocspx-",)),
    _token(
        "google-client-id",
        r"\d{6,}-[a-z0-9]{8,}\.apps\.googleusercontent\.com",
        anchors=(".apps.googleusercontent.com",),
        pseudonym=True,
    ),
    _token("gcp-hmac-key", r"GOOG[A-Z0-9]{12,61}", anchors=("goog",)),
    _token("firebase-key", r"AAAA[\w-]{7}:APA91[\w-]{100,}", anchors=(":apa91",)),
    _token(
        "aws-access-key",
        r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        anchors=("akia", "asia", "abia", "acca", "aroa", "aida", "agpa", "anpa", "anva", "aipa"),
    ),
    Kind(
        "aws-secret-key",
        ("aws", "amz"),
        aws := re.compile(
            r"(?i:aws|amz)[\w .\-]{0,30}['\"]?[ \t]*(?:=>|[:=,])[ \t]*['\"]?"
            r"(?P<s>[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))"
        ),
        aws,
    ),
    _token("azure-client-secret", r"[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.\-]{31,34}", anchors=("8q~",)),
    Kind(
        "azure-key",
        ("accountkey=", "sharedaccesskey=", "sharedaccesssignature="),
        azure := re.compile(
            r"(?i:accountkey|sharedaccesskey|sharedaccesssignature)=(?P<s>[A-Za-z0-9+/=%&\-._ ]{16,})"
        ),
        azure,
        _secret_url,
    ),
    _token(
        "github-token", r"gh[pousr]_[A-Za-z0-9]{20,}", r"github_pat_\w{20,}", anchors=("gh", "github_pat_")
    ),
    _token("gitlab-token", r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[\w\-]{16,}", anchors=("gl",)),
    _token("atlassian-token", r"ATATT3[\w\-=]{30,}", r"ATBB[A-Za-z0-9]{24,}", anchors=("atatt3", "atbb")),
    _token("slack-token", r"xox[abceoprs]-[\w\-]{10,}", r"xapp-\d-[\w\-]{10,}", anchors=("xox", "xapp-")),
    Kind(
        "webhook",
        ("hooks.slack.com", "/api/webhooks/", "webhook.office.com"),
        hook := re.compile(
            r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/"
            r"|webhook\.office\.com/webhookb2/)(?P<s>[\w\-/@.]{8,})"
        ),
        hook,
        _secret_url,
    ),
    _token("discord-token", r"[MNO][\w-]{22,26}\.[\w-]{6}\.[\w-]{27,40}", anchors=(".",)),
    _token(
        "stripe-key",
        r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}",
        r"whsec_[A-Za-z0-9+/]{20,}=*",
        anchors=("k_live_", "k_test_", "whsec_"),
    ),
    _token("anthropic-key", r"sk-ant-[\w\-]{16,}", anchors=("sk-ant-",)),
    _token(
        "openai-key", r"sk-(?:proj-|svcacct-|admin-)[\w\-]{16,}", r"sk-[A-Za-z0-9]{20,}", anchors=("sk-",)
    ),
    _token("huggingface-token", r"hf_[A-Za-z0-9]{20,}", anchors=("hf_",)),
    _token("replicate-token", r"r8_[A-Za-z0-9]{30,}", anchors=("r8_",)),
    _token("groq-key", r"gsk_[A-Za-z0-9]{30,}", anchors=("gsk_",)),
    _token("perplexity-key", r"pplx-[A-Za-z0-9]{30,}", anchors=("pplx-",)),
    _token("npm-token", r"npm_[A-Za-z0-9]{20,}", anchors=("npm_",)),
    _token("pypi-token", r"pypi-[\w\-]{16,}", anchors=("pypi-",)),
    _token("rubygems-key", r"rubygems_[0-9a-f]{32,}", anchors=("rubygems_",)),
    _token("docker-token", r"dckr_(?:pat|oat)_[\w\-]{20,}", anchors=("dckr_",)),
    _token("sendgrid-key", r"SG\.[\w\-]{16,}\.[\w\-]{16,}", anchors=("sg.",)),
    _token("mailgun-key", r"key-[0-9a-f]{32}(?![0-9A-Za-z])", anchors=("key-",)),
    _token("mailchimp-key", r"[0-9a-f]{32}-us\d{1,2}(?!\w)", anchors=("-us",)),
    _token("twilio-key", r"(?:SK|AC)[0-9a-f]{32}(?![0-9A-Za-z])", anchors=("sk", "ac")),
    _token("telegram-token", r"\d{8,10}:AA[\w\-]{32,35}(?![\w\-])", anchors=(":aa",)),
    _token("digitalocean-token", r"do[oprt]_v1_[0-9a-f]{40,}", anchors=("_v1_",)),
    _token("heroku-key", r"HRKU-[\w\-]{30,}", anchors=("hrku-",)),
    _token("shopify-token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", anchors=("shp",)),
    _token("square-token", r"sq0(?:atp|csp|idp)-[\w\-]{20,}", anchors=("sq0",)),
    _token("databricks-token", r"dapi[0-9a-f]{32}(?:-\d)?(?![0-9A-Za-z])", anchors=("dapi",)),
    _token("newrelic-key", r"NR(?:AK|II|JS|BR|RA)-[A-Za-z0-9]{19,}", anchors=("nr",)),
    _token(
        "grafana-token", r"glsa_[A-Za-z0-9]{20,}_[0-9a-f]{8}", r"glc_[A-Za-z0-9+/=]{32,}", anchors=("gl",)
    ),
    _token("sentry-token", r"sntry[su]_[\w+/=\-]{30,}", anchors=("sntry",)),
    _token("linear-key", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}", anchors=("lin_",)),
    _token("notion-token", r"secret_[A-Za-z0-9]{40,}", r"ntn_[A-Za-z0-9]{40,}", anchors=("secret_", "ntn_")),
    _token("airtable-token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", anchors=("pat",)),
    _token("postman-key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", anchors=("pmak-",)),
    _token("vault-token", r"hv[sbr]\.[\w\-]{20,}", anchors=("hvs.", "hvb.", "hvr.")),
    _token("terraform-token", r"[A-Za-z0-9]{14}\.atlasv1\.[\w\-]{30,}", anchors=(".atlasv1.",)),
    _token("doppler-token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.\-]{30,}", anchors=("dp.",)),
    _token("pulumi-token", r"pul-[0-9a-f]{40}", anchors=("pul-",)),
    _token("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{30,}", anchors=("age-secret-key-1",)),
    _token("dynatrace-token", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}", anchors=("dt0",)),
    _token("planetscale-token", r"pscale_(?:tkn|pw|oauth)_[\w\-.]{20,}", anchors=("pscale_",)),
    _token("supabase-token", r"sbp_[0-9a-f]{40}", anchors=("sbp_",)),
    _token("tailscale-key", r"tskey-[a-z]+-[\w\-]{16,}", anchors=("tskey-",)),
    _token("figma-token", r"fig[dou]_[\w\-]{20,}", anchors=("fig",)),
    _token("facebook-token", r"EAAC[0-9A-Za-z]{60,}", anchors=("eaac",)),
    _token("alibaba-key", r"LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9])", anchors=("ltai",)),
    Kind(
        "url-password",
        ("://",),
        userinfo := re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@'\"<>?#]*:(?P<s>[^\s/@'\"<>]+)@"),
        userinfo,
        _secret_url,
    ),
    Kind(
        "basic-credentials",
        ("basic",),
        basic := re.compile(r"(?i:basic)[ \t]+(?P<s>[A-Za-z0-9+/]{4,}={0,2})"),
        basic,
        _basic,
    ),
    Kind(
        "bearer-token",
        ("bearer",),
        bearer := re.compile(r"(?i:bearer)(?:[ \t]+|%20|\+)(?P<s>(?!redacted)[A-Za-z0-9\-._~+/]{8,}=*)"),
        bearer,
        _bearer,
    ),
    Kind(
        "authorization",
        ("authorization",),
        authorization := re.compile(
            r"(?i:authorization)['\"]?[ \t]*[:=][ \t]*['\"]?(?!(?i:bearer|basic)[ \t])"
            r"(?P<s>(?:[A-Za-z0-9\-]+ )?[^\s'\",;]{8,}(?:, ?\w+=[^\s,'\";]+)*)"
        ),
        authorization,
        _secret_url,
    ),
    Kind(
        "url-secret",
        ("=",),
        parameter := re.compile(r"(?<=[?&;])(?i:" + _URL_SECRETS + r")=(?P<s>[^&\s'\"<>#;]+)"),
        parameter,
        _secret_url,
    ),
    Kind(
        "api-key-parameter",
        ("key=",),
        api_key := re.compile(r"(?<=[?&])(?i:key)=(?P<s>[^&\s'\"<>#;]{8,})"),
        api_key,
        _secret_url,
    ),
    Kind(
        "upload-id",
        ("upload_id=",),
        upload := re.compile(r"(?<=[?&])upload_id=(?P<s>[^&\s'\"<>#;]+)"),
        upload,
        _secret_url,
        pseudonym=True,
    ),
    Kind(
        "password",
        _ANCHORS,
        quoted := re.compile(
            _ASSIGNMENT + r"(?P<q>\\*(?:\"\"|['\"]))(?P<s>(?:(?!(?P=q))[^\r\n]){1,4096}?)(?P=q)"
        ),
        quoted,
        _secret_url,
    ),
    Kind(
        "password",
        _ANCHORS,
        bare := re.compile(_ASSIGNMENT + r"(?:\\*['\"])?(?P<s>[^\s'\",;&)}\]\\<>]+)"),
        bare,
        _assigned,
    ),
    Kind(
        "password",
        ("identified by", "password '", 'password "'),
        sql_password := re.compile(r"(?i:identified\s+by|password)\s+(?P<q>['\"])(?P<s>[^'\"\n]+)(?P=q)"),
        sql_password,
        _secret_url,
    ),
    Kind(
        "password",
        ("login",),
        netrc := re.compile(r"(?i:login\s+\S+\s+password)\s+(?P<s>\S+)"),
        netrc,
        _secret_url,
    ),
    Kind(
        "email",
        ("@",),
        re.compile(
            r"(?<![A-Za-z0-9._%+\-@])[A-Za-z0-9_][A-Za-z0-9._%+\-]{0,63}@"
            r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9\-]*@)"
        ),
        re.compile(
            r"[A-Za-z0-9_][A-Za-z0-9._%+\-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,8}"
            rf"(?:{_COMMON_TOP}|[a-z]{{2}}(?![a-z]))"
        ),
        _email,
        pseudonym=True,
    ),
    Kind(
        "project-number",
        ("projects/", "project", "organizations/", "folders/", "container"),
        number := re.compile(
            r"(?:(?:projects|organizations|folders)(?:/|%2F)|(?i:(?:project|consumer)[_ \-]?(?:number|id)?)"
            r"['\"]?[:=# ]\s?['\"]?)(?P<s>(?!999999\d{9})\d{6,16})(?![\w.\-])"
        ),
        number,
        pseudonym=True,
    ),
    Kind(
        "billing-account",
        ("billing",),
        billing := re.compile(
            r"(?i:billing_?accounts?)(?:/|['\"]?[:= ]+['\"]?)(?P<s>[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})"
        ),
        billing,
        pseudonym=True,
    ),
    Kind(
        "iban",
        tuple("0123456789"),
        re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
        None,
        _iban,
    ),
    Kind(
        "credit-card",
        tuple("0123456789"),
        re.compile(
            r"(?<![\w.+\-/])\d{4}(?:([ \-]?)\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|([ \-]?)\d{6}\2\d{5})(?![\w.\-/])"
        ),
        None,
        _card,
    ),
    Kind(
        "social-security-number",
        ("-",),
        re.compile(r"(?<![\w.\-/])\d{3}-\d{2}-\d{4}(?![\w.\-/])"),
        None,
        _ssn,
    ),
    Kind(
        "phone",
        ("+", "-"),
        re.compile(
            r"(?<![\w.)\]+\-/*=])(?<!\d )\+[1-9]\d{0,2}[ .\-]?(?:\(\d{1,4}\)[ .\-]?)?"
            r"\d{2,4}(?:[ .\-]?\d{2,4}){1,4}"
            r"(?![\w\-/*])"
            r"|(?<![\w.+\-/])(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}(?![\w.\-/])"
        ),
        None,
        _phone,
    ),
)

ENTROPY = "high-entropy"
FIELD = "secret-field"
NAMES: frozenset[str] = frozenset((*(kind.name for kind in KINDS), ENTROPY, FIELD, "header", "cut-token"))

# Names of members, columns and headers whose values are secret: their letters and digits, in lower case.
_SECRET_NAMES = frozenset(
    [
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "secret",
        "clientsecret",
        "apikey",
        "apisecret",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "authtoken",
        "authorization",
        "proxyauthorization",
        "sessiontoken",
        "securitytoken",
        "bearertoken",
        "oauthtoken",
        "privatekey",
        "privatekeyid",
        "secretkey",
        "secretaccesskey",
        "accountkey",
        "sharedaccesskey",
        "sastoken",
        "connectionstring",
        "credential",
        "credentials",
        "encryptionkey",
        "signingkey",
        "cookie",
        "setcookie",
        "jwt",
        "assertion",
        "clientassertion",
        "subjecttoken",
        "actortoken",
        "sessioncookie",
        "xapikey",
        "csrftoken",
        "otp",
        "mfacode",
        "hmackey",
        "hmacsecret",
        "cvv",
        "cvc",
        "ssn",
    ]
)
_SECRET_ENDS = [
    "password",
    "passwd",
    "passphrase",
    "clientsecret",
    "apikey",
    "apisecret",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "secretkey",
    "privatekey",
    "sessiontoken",
    "secretaccesskey",
    "connectionstring",
]
# Names whose values are high in entropy, or look like numbers of cards, and are none.
_PLAIN_NAMES = re.compile(
    r"(?:next)?page_?token$|etag$|md5|crc32|sha\d|digest|checksum|fingerprint|^id$|_?id$|ids$|bytes|millis|_?ms$"
    r"|rows?$|^total|^num|count|size|time$|self_?link|insert_?id|offset|generation|^kind$|stream|session"
    r"|^start_?index$|^max_?results$|^version$|kms_?key|^name$",
    re.I,
)
_LETTERS = re.compile(r"[^A-Za-z0-9]")
# Names that may hold secrets: entropy alone decides sooner.
_HINTS = re.compile(r"token|secret|key|auth|cred|sign|hash_?salt|salt|nonce|pass", re.I)


def secret_name(name: str) -> bool:
    """Whether a value with this name is secret."""
    plain = _LETTERS.sub("", name).lower()
    return plain in _SECRET_NAMES or plain.endswith(tuple(_SECRET_ENDS))


def plain_name(name: str) -> bool:
    """Whether a value with this name is no secret, though it may look so."""
    return bool(_PLAIN_NAMES.search(name)) and not secret_name(name)


def hinting_name(name: str) -> bool:
    """Whether a value with this name may be a secret."""
    return bool(_HINTS.search(name))


# Headers that are secret as a whole, and those that are never.
SECRET_HEADERS: frozenset[str] = frozenset(
    [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-goog-api-key",
        "x-goog-iam-authorization-token",
        "x-goog-iam-authority-selector",
        "x-goog-encryption-key",
        "x-goog-copy-source-encryption-key",
        "x-amz-security-token",
        "x-serverless-authorization",
        "x-goog-authenticated-user-jwt",
        "x-goog-iap-jwt-assertion",
        "x-csrf-token",
        "x-xsrf-token",
        "x-auth-token",
        "x-access-token",
        "x-refresh-token",
        "x-session-token",
        "x-goog-authenticated-user-email",
        "x-goog-authenticated-user-id",
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "x-client-data",
        "x-vault-token",
        "private-token",
        "x-shopify-access-token",
        "x-github-token",
    ]
)
PLAIN_HEADERS: frozenset[str] = frozenset(
    [
        "etag",
        "content-md5",
        "x-goog-hash",
        "x-goog-generation",
        "x-goog-metageneration",
        "content-length",
        "content-type",
        "date",
        "user-agent",
        "x-goog-api-client",
        "traceparent",
        "x-cloud-trace-context",
        "if-match",
        "if-none-match",
        "digest",
        "accept",
        "accept-encoding",
        "content-encoding",
        "transfer-encoding",
        "vary",
        "cache-control",
        "expires",
        "alt-svc",
        "server",
        "x-goog-stored-content-length",
        "x-upload-content-length",
        "x-upload-content-type",
        "content-range",
        "range",
        "x-goog-gcs-idempotency-token",
        "x-goog-correlation-id",
        "idempotency-token",
        "x-goog-request-params",
    ]
)
UPLOAD_HEADERS: Mapping[str, str] = {"x-guploader-uploadid": "upload-id", "x-goog-upload-url": ""}
