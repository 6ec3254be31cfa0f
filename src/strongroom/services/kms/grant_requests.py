"""What requests about grants carry, and what answers show of grants."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.kms import failures
from strongroom.services.kms.grant_principals import shown_principal, stored_principal
from strongroom.services.kms.grant_records import GrantRecord
from strongroom.services.kms.grant_tokens import open_token
from strongroom.services.kms.grants import SOURCE_ARN, GrantTerms
from strongroom.services.kms.keys import MutableContext, add_encryption_context
from strongroom.services.kms.specs import ENCRYPT_DECRYPT, KeySpecification
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = [
    "WantedGrant",
    "check_grant_id",
    "grant_entry",
    "grant_marker",
    "key_and_grant",
    "open_marker",
    "stored_grant",
]

_GRANT_ID: Final = re.compile("[0-9a-f]{64}")
_MARKER: Final = re.compile("([0-9]{1,15}):([0-9a-f]{64})")
_BEGINNING: Final = (-1, "")


@dataclass(frozen=True, slots=True)
class WantedGrant:
    """What a CreateGrant asks for.

    Args:
        grantee: Who is to have it, by ARN; or None, and ``grantee_service`` is.
        retiring: Who may retire it, by ARN.
        retiring_service: The service that may retire it.
        operations: What it is to allow, in the order of the request.
        constraints: The members of ``GrantConstraints`` that are given.
        terms: Operations and constraints as they decide.
    """

    grantee: str | None
    grantee_service: str | None
    retiring: str | None
    retiring_service: str | None
    operations: tuple[str, ...]
    constraints: Mapping[str, object]
    terms: GrantTerms

    @classmethod
    def of_request(
        cls,
        grantee: str | None,
        grantee_service: str | None,
        retiring: str | None,
        retiring_service: str | None,
        operations: Sequence[str],
        constraints: Mapping[str, object],
    ) -> WantedGrant:
        """Check what can be checked without the key.

        Raises:
            AwsError: ``ValidationException``.
        """
        if (grantee is None) == (grantee_service is None):
            raise failures.validation("You must specify either GranteePrincipal or GranteeServicePrincipal.")
        if retiring is not None and retiring_service is not None:
            raise failures.validation("You cannot specify both RetiringPrincipal and RetiringServicePrincipal.")
        if not operations:
            raise failures.validation("You must specify at least one operation.")
        if grantee_service is not None:
            if SOURCE_ARN not in constraints:
                raise failures.validation("A grant for a service principal needs a SourceArn constraint.")
            if retiring is None and retiring_service is None:
                raise failures.validation(
                    "A grant for a service principal needs a RetiringPrincipal or a RetiringServicePrincipal."
                )
        terms = GrantTerms.of(operations, constraints)
        return cls(
            grantee, grantee_service, retiring, retiring_service, tuple(dict.fromkeys(operations)), constraints, terms
        )

    def require_fitting(self, spec: KeySpecification) -> None:
        """Refuse what a key of this kind cannot do.

        Raises:
            AwsError: ``ValidationException``.
        """
        foreign = [name for name in self.operations if name not in spec.operations]
        if foreign:
            raise failures.validation(f"Operation {foreign[0]} is not valid for a key with key spec {spec.name}.")
        if spec.usage != ENCRYPT_DECRYPT and (self.terms.subset is not None or self.terms.equals is not None):
            raise failures.validation(
                f"Encryption context constraints are not valid for a key with key spec {spec.name}."
            )

    def conditions(self) -> MutableContext:
        """The condition keys of the request (KMS Developer Guide, "Controlling access to grants")."""
        given: dict[str, str | None] = {
            "kms:granteeprincipal": self.grantee,
            "kms:granteeserviceprincipal": self.grantee_service,
            "kms:retiringprincipal": self.retiring,
            "kms:retiringserviceprincipal": self.retiring_service,
            "kms:grantconstraintsourcearn": self.terms.source_arn,
        }
        context: MutableContext = {name: value for name, value in given.items() if value is not None}
        context["kms:grantoperations"] = self.operations
        if self.constraints:
            context["kms:grantconstrainttype"] = tuple(self.constraints)
        pairs = [*(self.terms.subset or ()), *(self.terms.equals or ())]
        add_encryption_context(context, dict(pairs))
        return context


def stored_grant(
    transaction: Transaction, call: Call, key_arn: str, grant_id: str, name: str | None, wanted: WantedGrant
) -> GrantRecord:
    """The row of a wanted grant.

    Raises:
        AwsError: ``InvalidArnException``: it names a principal that does not exist.
    """
    return GrantRecord(
        key_arn=key_arn,
        grant_id=grant_id,
        name=name,
        issuing_account=call.account,
        grantee_principal=None if wanted.grantee is None else stored_principal(transaction, wanted.grantee),
        grantee_service=wanted.grantee_service,
        retiring_principal=None if wanted.retiring is None else stored_principal(transaction, wanted.retiring),
        retiring_service=wanted.retiring_service,
        operations=json.dumps(wanted.operations),
        constraints=json.dumps(wanted.constraints, sort_keys=True),
        created_ms=call.now_ms,
    )


def check_grant_id(grant_id: str) -> None:
    """Refuse a text that cannot be a grant's id.

    Raises:
        AwsError: ``InvalidGrantIdException``.
    """
    if not _GRANT_ID.fullmatch(grant_id):
        raise failures.invalid_grant_id(grant_id)


def key_and_grant(keyring: Keyring, token: str | None, key_id: str | None, grant_id: str | None) -> tuple[str, str]:
    """The key and the grant that RetireGrant means: by a token, or by the two ids.

    Raises:
        AwsError: ``InvalidGrantTokenException``, ``InvalidGrantIdException`` or ``ValidationException``.
    """
    if token is not None and key_id is None and grant_id is None:
        return open_token(keyring, token)
    if token is not None or key_id is None or grant_id is None:
        raise failures.validation("You must specify either a grant token or both a key ID and a grant ID.")
    check_grant_id(grant_id)
    return key_id, grant_id


def open_marker(marker: str | None) -> tuple[int, str]:
    """What a page begins behind: creation in milliseconds since the epoch, and grant id.

    Raises:
        AwsError: ``InvalidMarkerException``.
    """
    if marker is None:
        return _BEGINNING
    found = _MARKER.fullmatch(marker)
    if found is None:
        raise failures.invalid_marker()
    return int(found[1]), found[2]


def grant_marker(grant: GrantRecord) -> str:
    """The marker of a page that ends with this grant."""
    return f"{grant.created_ms}:{grant.grant_id}"


def grant_entry(transaction: Transaction, grant: GrantRecord) -> dict[str, object]:
    """The ``GrantListEntry`` of a grant."""
    entry: dict[str, object] = {
        "KeyId": grant.key_arn,
        "GrantId": grant.grant_id,
        "CreationDate": from_milliseconds(grant.created_ms),
        "IssuingAccount": f"arn:aws:iam::{grant.issuing_account}:root",
        "Operations": json.loads(grant.operations),
    }
    principals = {"GranteePrincipal": grant.grantee_principal, "RetiringPrincipal": grant.retiring_principal}
    for name, stored in principals.items():
        if stored is not None:
            entry[name] = shown_principal(transaction, stored)
    optional: dict[str, object] = {
        "Name": grant.name,
        "GranteeServicePrincipal": grant.grantee_service,
        "RetiringServicePrincipal": grant.retiring_service,
        "Constraints": json.loads(grant.constraints) or None,
    }
    return entry | {name: value for name, value in optional.items() if value is not None}
