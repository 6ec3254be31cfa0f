"""Who may do what: the policies of resources, for services that explain access, and the explanations for operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from strongroom.policy import Context, Explanation, Policy, StatementId
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = [
    "AccessAnswer",
    "AccessClient",
    "AccessQuestion",
    "GrantRights",
    "ReadPath",
    "ResourceRights",
    "RightsSource",
    "SecretReader",
    "SecretReaders",
    "SecretRights",
    "SecretRightsSource",
]


@dataclass(frozen=True, slots=True)
class GrantRights:
    """A grant on a KMS key, as the policy engine decides on it.

    Args:
        grant_id: Its id.
        policy: A key policy that allows what the grant allows, with every Deny of the key's own.
        own_side: For a grantee of another account, the Allow that its own policies need not have.
    """

    grant_id: str
    policy: Policy
    own_side: Policy | None


@dataclass(frozen=True, slots=True)
class ResourceRights:
    """A resource as the policy engine sees it.

    Args:
        arn: Its ARN.
        account: The account that owns it.
        policy: Its resource-based policy.
        decides_alone: Whether that policy must allow, whatever identity-based policies say.
        context: The condition keys that come from the resource, and from the request as far as it is known.
        grants: Grants, each of which may allow what the policy does not.
    """

    arn: str
    account: str
    policy: Policy | None
    decides_alone: bool = False
    context: Context = field(default_factory=dict)
    grants: tuple[GrantRights, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretRights:
    """A secret, and what it takes to read its current value.

    Args:
        resource: The secret as a resource.
        name: Its name.
        region: Its region.
        version_id: The version labelled AWSCURRENT; None when there is none with a value.
        key_arn: The KMS key of that version.
        uses_service_key: Whether that is the account's own ``aws/secretsmanager``, which serves no other account.
        deleted: Whether the secret is marked for deletion, and so cannot be read.
    """

    resource: ResourceRights
    name: str
    region: str
    version_id: str | None
    key_arn: str | None
    uses_service_key: bool
    deleted: bool


class RightsSource(Protocol):
    """A service whose resources have policies of their own. No permission is asked for."""

    def rights(
        self,
        transaction: Transaction,
        call: Call,
        name: str,
        action: str,
        encryption_context: Mapping[str, str] | None = None,
    ) -> ResourceRights | None:
        """A resource; None when there is none.

        Args:
            transaction: Where to look.
            call: The call, whose account and region complete a name that is no ARN.
            name: The resource as a request of the service names it: an ARN or, where the service has them, a name.
            action: What is wanted, such as ``kms:Decrypt``.
            encryption_context: That of a request that encrypts or decrypts.
        """
        ...


class SecretRightsSource(RightsSource, Protocol):
    """Secrets Manager."""

    def authorized_secret(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> SecretRights:
        """A secret, after asking for ``action`` on it.

        Raises:
            AwsError: Access denied, or there is no such secret.
        """
        ...

    def secret(self, transaction: Transaction, arn: str) -> SecretRights | None:
        """The secret of this ARN; None when there is none. No permission is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """May this principal do this?

    Args:
        principal: The ARN of a user, role, role session or identity provider; or a service, such as
            ``lambda.amazonaws.com``.
        action: Such as ``secretsmanager:GetSecretValue``.
        resource: The resource's ARN or, for secrets, keys and functions, its name; ``*`` for an action without one.
        context: Condition keys of the request, which take the place of those that are known.
    """

    principal: str
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """One decision, and what led to it.

    Args:
        principal: The principal's ARN, or the service.
        action: The action.
        resource: The resource's ARN, or ``*``.
        owner: The account that owns the resource.
        found: Whether the resource exists here, where that can be told; None where it cannot.
        explanation: The decision with its reasons.
        grant_id: The grant that allows it.
        message: What the principal would be told; empty when it is allowed.
        needs: Further decisions that the request needs, such as ``kms:Decrypt`` to read a secret.
        obstacles: What stands in the way whatever policies say, in words: a closed account, a deleted secret.
    """

    principal: str
    action: str
    resource: str
    owner: str
    found: bool | None
    explanation: Explanation
    grant_id: str | None = None
    message: str = ""
    needs: tuple[AccessAnswer, ...] = ()
    obstacles: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether this and everything that it needs is allowed."""
        return self.explanation.allowed and not self.obstacles and all(need.allowed for need in self.needs)


@dataclass(frozen=True, slots=True)
class ReadPath:
    """What allows one of the decisions that a read needs.

    Args:
        by: ``identity-based policy``, ``resource-based policy``, ``key policy`` or ``grant``.
        statements: The statements that allow it.
        grant_id: The grant.
    """

    by: str
    statements: tuple[StatementId, ...]
    grant_id: str | None = None


@dataclass(frozen=True, slots=True)
class SecretReader:
    """A principal that can read the value of a secret.

    Args:
        arn: The ARN of a user, role or role session; a service; or the ARN of an identity provider.
        kind: ``user``, ``role``, ``session``, ``service`` or ``federated``.
        account: Its account; empty for services.
        secret: What allows reading the secret; None for a principal that reaches it through roles only.
        key: What allows decrypting under its key.
        through: The roles to assume, one after the other, the last of which reads the secret.
        conditions: What the request has to meet besides, in words; empty when any request will do.
    """

    arn: str
    kind: str
    account: str
    secret: ReadPath | None = None
    key: ReadPath | None = None
    through: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretReaders:
    """Who can read the value of a secret.

    Args:
        secret: The secret.
        readers: Every principal, in the order of ARNs.
        public: Whether the resource policy lets everybody in, without a condition that holds them to fixed values.
        key_public: Whether the key policy does.
        other_accounts: The accounts that the resource policy names besides the secret's own.
        whole_installation: Whether principals of other accounts were looked at, which only the management account may.
    """

    secret: SecretRights
    readers: Sequence[SecretReader]
    public: bool
    key_public: bool
    other_accounts: tuple[str, ...]
    whole_installation: bool


class AccessClient(Protocol):
    """Explanations of access."""

    async def explain(self, call: Call, question: AccessQuestion) -> AccessAnswer:
        """Decide as the engine would, and tell why. Needs ``strongroom:ExplainAccess`` on the principal.

        Raises:
            AwsError: Access denied, or there is no such principal.
        """
        ...

    async def readers(self, call: Call, secret_id: str) -> SecretReaders:
        """Find everybody who can read a secret's current value. Needs ``strongroom:ListSecretReaders`` on the secret.

        Raises:
            AwsError: Access denied, or there is no such secret.
        """
        ...
