"""The condition keys of a request that nobody has made: which are known beforehand, and their values.

Source: IAM User Guide, "AWS global condition context keys".
"""

from __future__ import annotations

import time
from typing import Final

from strongroom.identity.organization import Organization
from strongroom.policy import Context
from strongroom.services.call import Call

__all__ = [
    "SECRETS_MANAGER",
    "is_unknown",
    "is_unknown_of_session",
    "owner_keys",
    "request_keys",
    "through_service",
    "time_keys",
]

SECRETS_MANAGER: Final = "secretsmanager.amazonaws.com"

_KNOWN: Final = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalservicename",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
        "kms:calleraccount",
        "kms:encryptionalgorithm",
        "kms:encryptioncontextkeys",
        "kms:keyorigin",
        "kms:keyspec",
        "kms:keyusage",
        "kms:multiregion",
        "kms:multiregionkeytype",
        "kms:resourcealiases",
        "kms:viaservice",
        "secretsmanager:secretprimaryregion",
    }
)
_KNOWN_FAMILIES: Final = (
    "aws:principaltag/",
    "aws:resourcetag/",
    "iam:resourcetag/",
    "kms:encryptioncontext:",
    "secretsmanager:resource/",
    "secretsmanager:resourcetag/",
)
_OF_SESSION: Final = ("aws:userid", "aws:principaltag/")


def is_unknown(key: str) -> bool:
    """Whether a key says something that is settled by a request only, such as its address or its time."""
    return key not in _KNOWN and not key.startswith(_KNOWN_FAMILIES)


def is_unknown_of_session(key: str) -> bool:
    """`is_unknown` for a role: its sessions differ in name, and may carry tags of their own."""
    return is_unknown(key) or key.startswith(_OF_SESSION)


def request_keys(region: str) -> dict[str, str | tuple[str, ...]]:
    """What is known of a request that a principal makes itself.

    Args:
        region: The region that it is made in.
    """
    return {"aws:requestedregion": region, "aws:viaawsservice": "false"}


def through_service(region: str, service: str, account: str) -> dict[str, str | tuple[str, ...]]:
    """What is known of a request to KMS that a service makes on behalf of a principal (forward access session).

    Args:
        region: The region that it is made in.
        service: The service principal, such as ``secretsmanager.amazonaws.com``.
        account: The account of the principal.
    """
    return {
        "aws:requestedregion": region,
        "aws:viaawsservice": "true",
        "aws:calledvia": (service,),
        "aws:calledviafirst": service,
        "aws:calledvialast": service,
        "kms:viaservice": service.replace(".", f".{region}.", 1),
        "kms:calleraccount": account,
    }


def owner_keys(organization: Organization, account: str) -> dict[str, str | tuple[str, ...]]:
    """The keys of the account that owns the resource."""
    keys: dict[str, str | tuple[str, ...]] = {"aws:resourceaccount": account}
    path = organization.path(account)
    if path is not None:
        keys["aws:resourceorgid"] = organization.id
        keys["aws:resourceorgpaths"] = (path,)
    return keys


def time_keys(call: Call) -> Context:
    """The keys of the present time, for a question about a request that is made now."""
    seconds = call.now_ms // 1000
    return {
        "aws:currenttime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
        "aws:epochtime": str(seconds),
    }
