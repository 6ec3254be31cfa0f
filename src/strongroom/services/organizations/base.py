"""What every group of operations stands on: who may call, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.identity.organization import Organization, load_organization
from strongroom.services.call import Call
from strongroom.services.clients import IamClient
from strongroom.services.organizations.problems import not_for_members
from strongroom.services.organizations.shapes import arn_of
from strongroom.services.organizations.tag_records import Values, tags_of
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["NOTHING", "Operations", "authorized"]

NOTHING: Final[Mapping[str, object]] = {}
"""The answer of an operation that answers nothing."""

_NO_CONTEXT: Final[Mapping[str, Values]] = {}
_TYPES: Final = {"ou-": "OrganizationalUnit", "p-": "Policy"}


class Operations:
    """A group of operations. `strongroom.services.organizations.Organizations` is made of them.

    Args:
        _store: Every service is built with the store; this one acts in the one that its calls bring.
        iam: Makes the role in a new account.
        world: Entropy for ids.
    """

    def __init__(self, _store: Store, iam: IamClient, world: World) -> None:
        self._iam = iam
        self._entropy = world.entropy


def authorized(
    transaction: Transaction,
    call: Call,
    *targets: str,
    action: str = "",
    context: Mapping[str, Values] = _NO_CONTEXT,
    members_too: bool = False,
) -> Organization:
    """The organization, once the caller may do this.

    Args:
        transaction: Where it is.
        call: The call.
        targets: The ids of the root, the units, accounts and policies that it is about. Each is asked for; without
            any, the action has no resource.
        action: What is asked for; the call's own operation unless given.
        context: Condition keys of the request.
        members_too: Whether other accounts than the management account may call.

    Raises:
        AccessDenied: The caller may not, whether its targets exist or not.
        OperatorError: The store has no organization.
    """
    organization = load_organization(transaction)
    name = f"organizations:{action or call.operation}"
    if not targets:
        call.authorize(name, "*", context=context)
    for target in targets:
        tags = {f"aws:resourcetag/{key.lower()}": value for key, value in tags_of(transaction, target).items()}
        call.authorize(name, arn_of(organization, target), context={**tags, **context})
    if call.account != organization.management_account and not members_too:
        raise not_for_members()
    for target in targets:
        if target != organization.root_id:
            kind = _TYPES.get(target[: target.find("-") + 1], "Account")
            call.touches(arn_of(organization, target), f"AWS::Organizations::{kind}", organization.management_account)
    return organization
