"""What a simulation is asked, checked: actions, resources, principal and condition keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.arn import Arn
from strongroom.identity.directory import Group, Role, User
from strongroom.policy import Context, PrincipalFacts
from strongroom.services.call import Call
from strongroom.services.iam.owners import authorized_group, authorized_role, authorized_user
from strongroom.services.iam.problems import invalid_input, no_such_entity
from strongroom.store import Transaction

__all__ = ["Asked", "authorized_owner", "principal_of"]

_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_ACCOUNT_ROOT: Final = re.compile(r"arn:aws:iam::([0-9]{12}):root")
_USER: Final = re.compile(r"arn:aws:iam::([0-9]{12}):user/[\x21-\x7e]+")
_OWNER: Final = re.compile(r"(user|group|role)/(?:[\x21-\x7e]*/)?[\w+=,.@-]+", re.ASCII)
_MOST_RESOURCES: Final = 1000
_HANDLING: Final = frozenset(
    {"EC2-VPC-InstanceStore", "EC2-VPC-InstanceStore-Subnet", "EC2-VPC-EBS", "EC2-VPC-EBS-Subnet"}
)
"""``ResourceHandlingOption``. It chooses the resources of EC2's RunInstances, so nothing depends on it here."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters that both kinds of simulation have.

    Args:
        actions: ``ActionNames``.
        resources: ``ResourceArns``; ``*`` when there are none.
        owner: The account of ``ResourceOwner``.
        caller_arn: ``CallerArn``, the ARN of a user.
        context: ``ContextEntries``, keys in lower case.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    owner: str | None
    caller_arn: str | None
    context: Context

    @classmethod
    def of(
        cls,
        actions: Sequence[str],
        resources: Sequence[str],
        owner: str | None,
        caller_arn: str | None,
        entries: Sequence[Mapping[str, object]],
        handling: str | None,
    ) -> Asked:
        """Check the members of the API; they are given in its order.

        Raises:
            AwsError: ``InvalidInput``.
        """
        for action in actions:
            if not _ACTION.fullmatch(action):
                raise invalid_input(f"Invalid action name: {action}. Wildcards are not supported in action names.")
        for resource in resources:
            if resource != "*" and Arn.parse(resource) is None:
                raise invalid_input(f"Invalid resource ARN: {resource}")
        if len(resources) > _MOST_RESOURCES:
            raise invalid_input(f"A simulation can have at most {_MOST_RESOURCES} resources.")
        if caller_arn is not None and not _USER.fullmatch(caller_arn):
            raise invalid_input(f"{caller_arn} is not a valid CallerArn. It must be the ARN of an IAM user.")
        if handling is not None and handling not in _HANDLING:
            raise invalid_input(f"Invalid ResourceHandlingOption: {handling}")
        return cls(
            tuple(actions),
            tuple(dict.fromkeys(resources)) or ("*",),
            _owner_account(owner),
            caller_arn,
            _entries_context(entries),
        )

    def require_caller(self, resource_policy: str | None) -> None:
        """Check that there is a caller where a resource-based policy has to name one.

        Raises:
            AwsError: ``InvalidInput``.
        """
        if resource_policy is not None and self.caller_arn is None:
            raise invalid_input(
                "CallerArn must be provided with a ResourcePolicy unless the policy source is an IAM user."
            )


def _owner_account(owner: str | None) -> str | None:
    if owner is None:
        return None
    found = _ACCOUNT_ROOT.fullmatch(owner)
    if found is None:
        raise invalid_input(f"'{owner}' is not a valid as a Resource Owner.")  # AWS's words
    return found[1]


def _entries_context(entries: Sequence[Mapping[str, object]]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of ``ContextEntries``. A list stays a list, be it of one value."""
    context: dict[str, str | tuple[str, ...]] = {}
    for entry in entries:
        name, values = str(entry.get("ContextKeyName", "")), entry.get("ContextKeyValues")
        texts = [str(value) for value in values] if isinstance(values, list) else []
        if ":" not in name:
            raise invalid_input(f"Invalid context key name: {name}")
        if name.lower() in context:
            raise invalid_input(f"The context key {name} is given twice.")
        many = str(entry.get("ContextKeyType", "")).endswith("List") or len(texts) != 1
        context[name.lower()] = tuple(texts) if many else texts[0]
    return context


def principal_of(caller_arn: str | None, account: str) -> PrincipalFacts:
    """The principal that a simulation takes for the caller.

    Args:
        caller_arn: ``CallerArn``.
        account: The account of whoever asks for the simulation, in which a caller without an ARN is.
    """
    found = None if caller_arn is None else _USER.fullmatch(caller_arn)
    if caller_arn is None or found is None:
        return PrincipalFacts(arn="", session_arn="", account=account, kind="user")
    return PrincipalFacts(arn=caller_arn, session_arn=caller_arn, account=found[1], kind="user")


def authorized_owner(transaction: Transaction, call: Call, source_arn: str) -> User | Group | Role:
    """The user, group or role of ``PolicySourceArn``, after asking for the call's action on it.

    Raises:
        AccessDenied: The caller may not.
        AwsError: ``InvalidInput`` for an ARN of anything else, ``NoSuchEntity``.
    """
    arn = Arn.parse(source_arn)
    if arn is None or arn.service != "iam" or arn.region or not _OWNER.fullmatch(arn.resource):
        raise invalid_input(f"Invalid Entity Arn: {source_arn} does not clearly define entity type and name.")
    if arn.account != call.account:
        call.authorize(f"iam:{call.operation}", source_arn, resource_account=arn.account)
    kind, _, rest = arn.resource.partition("/")
    name = rest.rpartition("/")[2]
    owner: User | Group | Role
    if kind == "user":
        owner = authorized_user(transaction, call, name)
    elif kind == "group":
        owner = authorized_group(transaction, call, name)
    else:
        owner = authorized_role(transaction, call, name)
    if owner.arn != source_arn:
        raise no_such_entity(f"The {kind} with name {name} cannot be found.")
    return owner
