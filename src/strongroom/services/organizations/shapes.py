"""Accounts, units, policies and the organization in the model's shapes, with their ARNs.

ARNs: Service Authorization Reference, "Resource types defined by AWS Organizations". All lie in the management account.
"""

from __future__ import annotations

from typing import Final

from strongroom.identity.organization import ACTIVE, Organization
from strongroom.services.organizations.directory import Account, AccountRequest, Unit
from strongroom.services.organizations.policy_records import ControlPolicy
from strongroom.world import from_milliseconds

__all__ = [
    "CONTROL_POLICY",
    "arn_of",
    "kind_of",
    "shown_account",
    "shown_organization",
    "shown_policy",
    "shown_request",
    "shown_root",
    "shown_summary",
    "shown_unit",
]

CONTROL_POLICY: Final = "SERVICE_CONTROL_POLICY"
"""The one type of policy that is offered."""

_NAMES: Final = {"ACCOUNT": "account", "ORGANIZATIONAL_UNIT": "ou", "ROOT": "root"}
_POLICY: Final = "p-"


def kind_of(target: str) -> str:
    """``ACCOUNT``, ``ORGANIZATIONAL_UNIT`` or ``ROOT``, read from the form of an id."""
    if target.startswith("ou-"):
        return "ORGANIZATIONAL_UNIT"
    return "ROOT" if target.startswith("r-") else "ACCOUNT"


def arn_of(organization: Organization, target: str) -> str:
    """The ARN of an account, a unit, a policy or the root, whether there is one or not."""
    if target.startswith(_POLICY):
        return organization.policy_arn(target)
    return f"{_prefix(organization)}:{_NAMES[kind_of(target)]}/{organization.id}/{target}"


def _prefix(organization: Organization) -> str:
    return f"arn:aws:organizations::{organization.management_account}"


def _policy_types(organization: Organization) -> list[dict[str, str]]:
    return [] if organization.attached is None else [{"Type": CONTROL_POLICY, "Status": "ENABLED"}]


def shown_organization(organization: Organization, email: str) -> dict[str, object]:
    """The organization.

    Args:
        organization: It.
        email: The address of its management account.
    """
    return {
        "Id": organization.id,
        "Arn": f"{_prefix(organization)}:organization/{organization.id}",
        "FeatureSet": "ALL",
        "MasterAccountArn": arn_of(organization, organization.management_account),
        "MasterAccountId": organization.management_account,
        "MasterAccountEmail": email,
        "AvailablePolicyTypes": [{"Type": CONTROL_POLICY, "Status": "ENABLED"}],
    }


def shown_root(organization: Organization) -> dict[str, object]:
    """The root."""
    return {
        "Id": organization.root_id,
        "Arn": arn_of(organization, organization.root_id),
        "Name": "Root",
        "PolicyTypes": _policy_types(organization),
    }


def shown_account(organization: Organization, account: Account) -> dict[str, object]:
    """An account. A closed one has the Status SUSPENDED and the newer State CLOSED."""
    return {
        "Id": account.id,
        "Arn": arn_of(organization, account.id),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": "ACTIVE" if account.status == ACTIVE else "CLOSED",
        "Paths": [f"{organization.path(account.id)}{account.id}/"],
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": from_milliseconds(account.joined_ms),
    }


def shown_unit(organization: Organization, unit: Unit) -> dict[str, object]:
    """An organizational unit."""
    return {
        "Id": unit.id,
        "Arn": arn_of(organization, unit.id),
        "Name": unit.name,
        "Path": f"{organization.path(unit.id)}{unit.id}/",
    }


def shown_summary(organization: Organization, policy: ControlPolicy) -> dict[str, object]:
    """A policy without its document."""
    return {
        "Id": policy.id,
        "Arn": arn_of(organization, policy.id),
        "Name": policy.name,
        "Description": policy.description,
        "Type": CONTROL_POLICY,
        "AwsManaged": policy.aws_managed,
    }


def shown_policy(organization: Organization, policy: ControlPolicy) -> dict[str, object]:
    """A policy with its document."""
    return {"PolicySummary": shown_summary(organization, policy), "Content": policy.content}


def shown_request(request: AccountRequest) -> dict[str, object]:
    """What came of a request for an account. It is complete as soon as it is made."""
    shown: dict[str, object] = {
        "Id": request.id,
        "AccountName": request.account_name,
        "State": request.state,
        "RequestedTimestamp": from_milliseconds(request.requested_ms),
        "CompletedTimestamp": from_milliseconds(request.requested_ms),
    }
    if request.account is not None:
        shown["AccountId"] = request.account
    if request.failure_reason is not None:
        shown["FailureReason"] = request.failure_reason
    return shown
