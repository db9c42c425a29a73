"""What is a secret, and what becomes of row data: the user's rules, from YAML.

::

    key: {env: BQSIM_REDACT_KEY}     # or {file: path}; pseudonyms and hashes are made with it
    keep: [phone]                    # kinds that are no secrets here
    deny:
      - {name: customer, pattern: 'CUST-[0-9]+', as: pseudonym}
      - {name: codename, text: Project Falcon}
    allow:
      - text: support@example.com
    headers: [x-internal-token]      # removed, besides those that always are
    fields: [salary]                 # members and columns that are secret, too
    entropy: {length: 24, bits: 4.0} # or off
    rows:
      default: keep
      rules:                         # the first that fits a column decides
        - {table: '*.crm.people', column: 'name.*', action: synthesise}
        - {column: email, type: STRING, action: hash}
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from . import kinds
from .pseudonyms import DEFAULT_KEY

KEEP, DROP, HASH, SYNTHESISE = "keep", "drop", "hash", "synthesise"
ACTIONS = (KEEP, DROP, HASH, SYNTHESISE)
KEY_VARIABLE = "BQSIM_REDACT_KEY"


class PolicyError(ValueError):
    """A policy that is refused; its text has a line ``FILE:LINE:COLUMN: what is wrong`` for each problem."""


@dataclass(frozen=True, slots=True)
class Deny:
    """A kind of secret of the user's: ``pseudonym`` keeps equal ones equal; ``literal``: it is one text."""

    name: str
    pattern: re.Pattern[str]
    pseudonym: bool = False
    literal: bool = False


@dataclass(frozen=True, slots=True)
class RowRule:
    """What becomes of columns. ``table`` (``project.dataset.table``), ``column`` (``outer.inner``) and
    ``type`` are globs, without regard to case."""

    action: str
    table: str = "*"
    column: str = "*"
    type: str = "*"

    def fits(self, table: str, column: str, type_: str) -> bool:
        """Whether the rule is about this column. An unknown table ('') may be any."""
        return (
            (not table or fnmatchcase(table.lower(), self.table.lower()))
            and any(fnmatchcase(part, self.column.lower()) for part in _prefixes(column.lower()))
            and fnmatchcase(type_.upper(), self.type.upper())
        )


def _prefixes(column: str) -> list[str]:
    parts = column.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of redaction; see the module."""

    deny: tuple[Deny, ...] = ()
    allow: tuple[re.Pattern[str], ...] = ()
    keep: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    entropy: bool = True
    entropy_length: int = 24
    entropy_bits: float = 4.0
    rows_default: str = KEEP
    rows: tuple[RowRule, ...] = ()
    key_env: str = KEY_VARIABLE
    key_file: str = ""
    _names: dict[str, tuple[bool, bool, bool]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def default(cls) -> Policy:
        """All known kinds of secrets; rows are kept."""
        return cls()

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """The policy in a YAML file. :class:`PolicyError` tells every line that is wrong."""
        from .policy_file import load

        return load(Path(path))

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Policy:
        """The policy that :meth:`described` told. :class:`PolicyError` when it is none."""
        from .policy_file import from_object

        return from_object(described)

    def described(self) -> dict[str, Any]:
        """The rules as JSON, for the header of a cassette; never the key. The text of a rule that forbids
        one text is not told, either: it is the secret."""
        told: dict[str, Any] = {}
        if self.key_env != KEY_VARIABLE:
            told["key"] = {"env": self.key_env}
        if self.keep:
            told["keep"] = sorted(self.keep)
        if self.deny:
            told["deny"] = [
                {
                    "name": rule.name,
                    **({} if rule.literal else {"pattern": rule.pattern.pattern}),
                    **({"as": "pseudonym"} if rule.pseudonym else {}),
                }
                for rule in self.deny
            ]
        for name in ("headers", "fields"):
            if getattr(self, name):
                told[name] = sorted(getattr(self, name))
        told["entropy"] = (
            {"length": self.entropy_length, "bits": self.entropy_bits} if self.entropy else "off"
        )
        rules = [
            {"table": r.table, "column": r.column, "type": r.type, "action": r.action} for r in self.rows
        ]
        told["rows"] = {"default": self.rows_default, **({"rules": rules} if rules else {})}
        return told

    def key(self) -> bytes:
        """The key of pseudonyms and hashes: of the environment or the file; empty when there is none.
        :class:`PolicyError` when the file cannot be read."""
        given = os.environ.get(self.key_env, "")
        if given:
            return given.encode("utf-8", "surrogateescape")
        if not self.key_file:
            return b""
        try:
            return Path(self.key_file).read_bytes().strip()
        except OSError as error:
            raise PolicyError(f"the key file {self.key_file} cannot be read: {error.strerror}") from None

    @property
    def keyed(self) -> bool:
        """Whether hashes are asked for: then a key is needed."""
        return HASH in (self.rows_default, *(rule.action for rule in self.rows))

    @property
    def keeps_rows(self) -> bool:
        """Whether all row data is kept (but for secrets known by their form)."""
        return self.rows_default == KEEP and all(rule.action == KEEP for rule in self.rows)

    def action(self, table: str, column: str, type_: str) -> str:
        """What becomes of a column of a table ('' when it is not known)."""
        for rule in self.rows:
            if rule.fits(table, column, type_):
                return rule.action
        return self.rows_default

    def secret_name(self, name: str) -> bool:
        return self._about(name)[0]

    def plain_name(self, name: str) -> bool:
        return self._about(name)[1]

    def hinting_name(self, name: str) -> bool:
        return self._about(name)[2]

    def _about(self, name: str) -> tuple[bool, bool, bool]:
        known = self._names.get(name)
        if known is None:
            if len(self._names) > 10_000:
                self._names.clear()
            secret = name.lower() in self.fields or (kinds.FIELD not in self.keep and kinds.secret_name(name))
            known = secret, kinds.plain_name(name) and not secret, kinds.hinting_name(name)
            self._names[name] = known
        return known


def checked_key(policy: Policy, key: bytes | str | None) -> bytes:
    """The key to use. :class:`PolicyError` when the policy hashes rows and there is none."""
    given = key.encode() if isinstance(key, str) else (key or policy.key())
    if not given and policy.keyed:
        raise PolicyError(
            f"rows are to be hashed, which needs a key: set {policy.key_env}, or name a file as key"
        )
    return given or DEFAULT_KEY
