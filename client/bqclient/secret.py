"""Values that must not be seen."""

from __future__ import annotations

from typing import Any

HIDDEN = "***"


class Secret:
    """A text that prints as ``***``. :meth:`reveal` is the one way to it; it cannot be pickled."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The text itself: for a request's header, never for a message."""
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __reduce__(self) -> Any:
        raise TypeError("a Secret cannot be pickled or copied out of the process")
