"""The words that the messages of limits share."""

from __future__ import annotations

MORE = ". For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"


def quota(text: str) -> str:
    """``Quota exceeded: …``, a limit of the longer term."""
    return f"Quota exceeded: {text}{MORE}"


def rate(text: str) -> str:
    """``Exceeded rate limits: …``, a limit of seconds."""
    return f"Exceeded rate limits: {text}{MORE}"


def custom(text: str) -> str:
    """A quota of the project's administrator."""
    return (
        f"Custom quota exceeded: Your usage exceeded the custom quota for {text}, which is set by your "
        "administrator. For more information, see https://cloud.google.com/bigquery/cost-controls"
    )


def per_minute(service: str, metric: str) -> str:
    """What the front of a service says of requests per minute."""
    return (
        f"Quota exceeded for quota metric '{metric}' and limit '{metric} per minute per user' of service "
        f"'{service}' for consumer 'project_number:{{project_number}}'."
    )


def write_quota(metric: str, advice: str = "") -> str:
    """What the Storage Write API says; ``advice`` comes before the entity."""
    return (
        f"Exceeds '{metric}' quota, user_id: {{write_user}} (status: INSUFFICIENT_TOKENS), you can issue a "
        "raise quota request through Google Cloud Console. Be sure to include this full error message in the "
        f"request description. {advice}Entity: {{resource}}"
    )


STREAM_ADVICE = (
    "Before requesting an increase, please ensure your existing streams have enough utilization in terms of "
    "write traffic. For guidelines see "
    "https://cloud.google.com/bigquery/docs/write-api-best-practices#limit_the_rate_of_stream_creation. "
)
