"""Where credentials come from."""

from __future__ import annotations

from typing import Any

from bqclient.config import SCOPES, ClientConfig
from bqclient.errors import CredentialsError
from bqclient.runtime import Runtime
from bqclient.secret import Secret

from .tokens import FixedToken, GoogleTokens, NoTokens, Tokens


def tokens_of(config: ClientConfig, runtime: Runtime) -> Tokens:
    """The tokens of a client: of its credentials, none on this machine, else of the default chain."""
    given = config.credentials
    if isinstance(given, Secret):
        return FixedToken(given)
    if given is None and config.endpoints.emulated:
        return NoTokens()
    return GoogleTokens(_credentials(given), runtime, config.quota_project)


def _credentials(given: Any) -> Any:
    import google.auth
    from google.auth import exceptions

    if given is not None and not isinstance(given, str):
        return given
    try:
        if given is not None:
            found, _ = google.auth.load_credentials_from_file(given, scopes=SCOPES)
        else:
            found, _ = google.auth.default(scopes=SCOPES)
    except exceptions.GoogleAuthError as error:
        where = "the key file" if given else "the chain of application default credentials"
        raise CredentialsError(f"There are no credentials in {where}: {type(error).__name__}.") from error
    return found
