"""Where credentials come from."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from bqclient.config import SCOPES, ClientConfig
from bqclient.errors import CredentialsError
from bqclient.runtime import Runtime
from bqclient.secret import Secret

from .tokens import FixedToken, GoogleTokens, NoTokens, Tokens


def tokens_of(config: ClientConfig, runtime: Runtime) -> Tokens:
    """The tokens of a client: of its credentials, none on this machine, else of the default chain.

    The chain is that of application default credentials: the file that ``GOOGLE_APPLICATION_CREDENTIALS``
    names (a user's, a service account's, an impersonated one's, one of workload identity federation), the
    file of ``gcloud auth application-default login``, the metadata server. It is gone through when the first
    call needs a token: whoever makes a client does not wait for it.
    """
    given = config.credentials
    if isinstance(given, Secret):
        return FixedToken(given)
    if given is None and config.endpoints.emulated:
        return NoTokens()
    load = partial(_credentials, given, config.ca_file)
    return GoogleTokens(load, runtime, config.quota_project, ca_file=config.ca_file)


def _credentials(given: Any, ca_file: str | os.PathLike[str] | None = None) -> Any:
    """The credentials object. Raises CredentialsError."""
    import google.auth
    from google.auth import exceptions

    from .requests import LoadingRequest

    if given is not None and not isinstance(given, str):
        return given
    request = LoadingRequest(ca_file)
    try:
        if given is not None:
            found, _ = google.auth.load_credentials_from_file(given, scopes=SCOPES, request=request)
        else:
            found, _ = google.auth.default(scopes=SCOPES, request=request)
    except exceptions.GoogleAuthError as error:
        where = "the key file" if given else "the chain of application default credentials"
        raise CredentialsError(f"There are no credentials in {where}: {type(error).__name__}.") from error
    return found
