"""The two kinds of resource, their identifiers and their ARNs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AwsError
from strongroom.services.rds import failures

__all__ = ["CLUSTER", "INSTANCE", "KINDS", "Kind", "Reference", "parse_arn", "parse_reference", "require_identifier"]

_IDENTIFIER: Final = re.compile(r"[a-z](-?[a-z0-9])*")
_LONGEST_IDENTIFIER: Final = 63


@dataclass(frozen=True, slots=True)
class Kind:
    """A DB instance or a DB cluster.

    Attributes:
        word: What stands for it in ARNs, resource ids and names of secrets.
        noun: What AWS's texts call it.
        member: Its member in answers, and the stem of its operations.
        identifier: The parameter that names it.
        resource_type: Its CloudFormation type.
        owner_tag: The tag with its ARN that a secret of its master user has.
        missing_code: The code of the error that there is none of a name.
        exists_code: The code of the error that there is one already.
        state_code: The code of the error that its state forbids something.
    """

    word: str
    noun: str
    member: str
    identifier: str
    resource_type: str
    owner_tag: str
    missing_code: str
    exists_code: str
    state_code: str

    def arn(self, account: str, region: str, identifier: str) -> str:
        """The ARN of one of this kind."""
        return f"arn:aws:rds:{region}:{account}:{self.word}:{identifier}"


INSTANCE: Final = Kind(
    word="db",
    noun="DB Instance",
    member="DBInstance",
    identifier="DBInstanceIdentifier",
    resource_type="AWS::RDS::DBInstance",
    owner_tag="aws:rds:primaryDBInstanceArn",
    missing_code="DBInstanceNotFound",
    exists_code="DBInstanceAlreadyExists",
    state_code="InvalidDBInstanceState",
)
CLUSTER: Final = Kind(
    word="cluster",
    noun="Cluster",
    member="DBCluster",
    identifier="DBClusterIdentifier",
    resource_type="AWS::RDS::DBCluster",
    owner_tag="aws:rds:primaryDBClusterArn",
    missing_code="DBClusterNotFoundFault",
    exists_code="DBClusterAlreadyExistsFault",
    state_code="InvalidDBClusterStateFault",
)
KINDS: Final = {kind.word: kind for kind in (INSTANCE, CLUSTER)}
"""The kinds by their words."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a request names: one of a kind, in the account and region of the call, which may not exist.

    Attributes:
        kind: Instance or cluster.
        account: The account.
        region: The region.
        identifier: The identifier in lower case, as RDS stores it.
    """

    kind: Kind
    account: str
    region: str
    identifier: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.kind.arn(self.account, self.region, self.identifier)


def require_identifier(kind: Kind, text: str) -> str:
    """The identifier that a new one is to have, in lower case.

    Raises:
        AwsError: ``InvalidParameterValue``: it breaks the rules of CreateDBInstance and CreateDBCluster (1 to 63
            letters, digits and hyphens, a letter first, no hyphen last or twice in a row).
    """
    folded = text.lower()
    if not text.isascii() or len(text) > _LONGEST_IDENTIFIER or not _IDENTIFIER.fullmatch(folded):
        raise failures.invalid_value(
            f"The parameter {kind.identifier} is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens."
        )
    return folded


def parse_reference(kind: Kind, text: str, account: str, region: str) -> Reference:
    """What an identifier or ARN of a request names.

    An ARN of another kind, account or region names something that does not exist here, spelled as it was written.

    Args:
        kind: What is asked for.
        text: The identifier or ARN.
        account: The account of the call.
        region: The region of the call.
    """
    parsed = Arn.parse(text)
    if parsed is not None and (parsed.service, parsed.region, parsed.account) == ("rds", region, account):
        word, _, identifier = parsed.resource.partition(":")
        if word == kind.word:
            return Reference(kind, account, region, identifier.lower())
    return Reference(kind, account, region, text.lower())


def parse_arn(text: str, account: str, region: str) -> Reference:
    """What the ResourceName of a tagging operation names.

    Raises:
        AwsError: ``InvalidParameterValue``: it is no ARN of an instance or cluster in this account and region.
    """
    parsed = Arn.parse(text)
    if parsed is not None and (parsed.service, parsed.region, parsed.account) == ("rds", region, account):
        word, _, identifier = parsed.resource.partition(":")
        if word in KINDS and identifier:
            return Reference(KINDS[word], account, region, identifier.lower())
    raise _invalid_resource(text)


def _invalid_resource(text: str) -> AwsError:
    return failures.invalid_value(f"Invalid resource name: {text}")
