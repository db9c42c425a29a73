"""Who calls and who may do what, in a scenario: the section ``iam``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from . import kinds as k
from .kinds import Kind, Scalar
from .spelling import unknown

AUTH_MODES = ("open", "jwt")

# What the values must be is asked of the policy's own reader, which is made of this package.


def _checked(check: Callable[[str], None]) -> Callable[[Scalar], str]:
    def read(value: Scalar) -> str:
        from .tree import ScenarioError

        text: str = k.NAME.read(value)
        try:
            check(text)
        except ScenarioError as error:
            raise ValueError(error.problems[0].message) from None
        return text

    return read


def _member(text: str) -> None:
    from bqsim.sim.iam.load import check_binding

    check_binding(text, None, None)


def _group(text: str) -> None:
    _member(f"group:{text}")


def _resource(text: str) -> None:
    from bqsim.sim.iam.load import check_binding

    check_binding("allUsers", None, text)


def _permission(text: str) -> None:
    from bqsim.sim.iam.load import check_permission

    check_permission(text)


def _role(value: Scalar) -> str:
    """A predefined role, or a name of the user's own that does not look like one."""
    from bqsim.sim.iam.roles import ROLES

    text: str = k.NAME.read(value)
    if text.startswith("roles/") and text not in ROLES:
        raise ValueError(unknown("role", text, tuple(ROLES)))
    return text


_TEXT = {"type": "string", "minLength": 1}
MEMBER = Kind("member", _checked(_member), _TEXT)
GROUP = Kind("group", _checked(_group), _TEXT)
RESOURCE = Kind("resource", _checked(_resource), {**_TEXT, "pattern": r"^(\*|projects(/.+)?)$"})
PERMISSION = Kind("permission", _checked(_permission), _TEXT)
ROLE = Kind("role", _role, _TEXT)
AUTH_MODE = k.word("auth mode", AUTH_MODES)

Members = tuple[Annotated[str, MEMBER], ...]
Permissions = tuple[Annotated[str, PERMISSION], ...]
Resources = tuple[Annotated[str, RESOURCE], ...]


@dataclass(frozen=True, slots=True)
class IamBinding:
    """A role for members on resources and all inside them; without a resource everywhere."""

    role: Annotated[str, ROLE]
    members: Members
    resource: Resources = ("*",)


@dataclass(frozen=True, slots=True)
class IamDeny:
    """Permissions that members lack on resources and all inside them, whatever bindings grant."""

    permissions: Permissions
    principals: Members
    except_permissions: Permissions = ()
    except_principals: Members = ()
    resource: Resources = ("*",)


@dataclass(frozen=True, slots=True)
class IamSetup:
    """The policy that is enforced, in a file or written here, and how callers are known.

    ``auth`` None leaves it as the simulator was started with. ``roles`` are custom ones: permissions by
    name; ``groups`` names the members of groups.
    """

    principal: ClassVar[str] = "policy"
    policy: Annotated[str, k.NAME] | None = None
    auth: Annotated[str, AUTH_MODE] | None = None
    groups: Mapping[Annotated[str, GROUP], Members] = field(default_factory=dict)
    roles: Mapping[Annotated[str, k.NAME], Permissions] = field(default_factory=dict)
    bindings: tuple[IamBinding, ...] = ()
    deny: tuple[IamDeny, ...] = ()

    @property
    def is_inline(self) -> bool:
        """Whether the policy is written here."""
        return bool(self.groups or self.roles or self.bindings or self.deny)


def unknown_role(setup: IamSetup) -> bool:
    """Whether a binding names a role that is neither predefined nor the setup's own."""
    return any(not b.role.startswith("roles/") and b.role not in setup.roles for b in setup.bindings)


def predefined(setup: IamSetup) -> bool:
    """Whether a custom role has the name of a predefined one."""
    return any(name.startswith("roles/") for name in setup.roles)
