"""Secrets are removed, before anything is kept.

:class:`~bqsim.record.redact.policy.Policy` says what is a secret and what becomes of row data,
:class:`~bqsim.record.redact.redactor.Redactor` removes, :func:`~bqsim.record.redact.scan.leaks` finds what
was left.
"""
