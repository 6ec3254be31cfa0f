"""AssumeRole: sessions of roles for those who have credentials already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.directory import Role
from strongroom.identity.sessions import SessionFacts, mint_session
from strongroom.services.call import Call
from strongroom.services.sts.assuming import Wish, answer, authorized_role, wished_session
from strongroom.services.sts.base import Operations
from strongroom.services.sts.grants import packed_size, refuse_device
from strongroom.store import Transaction

__all__ = ["RoleOperations"]


class RoleOperations(Operations):
    """AssumeRole."""

    async def assume_role(
        self,
        call: Call,
        *,
        RoleArn: str,
        RoleSessionName: str,
        PolicyArns: Sequence[Mapping[str, str]] = (),
        Policy: str | None = None,
        DurationSeconds: int | None = None,
        Tags: Sequence[Mapping[str, str]] = (),
        TransitiveTagKeys: Sequence[str] = (),
        ExternalId: str | None = None,
        SerialNumber: str | None = None,
        TokenCode: str | None = None,
        SourceIdentity: str | None = None,
        ProvidedContexts: Sequence[Mapping[str, str]] = (),
        MinimumSessionTokenSize: int = 0,
    ) -> dict[str, object]:
        """Temporary credentials of a role that trusts the caller.

        What this installation cannot honour is refused rather than ignored: codes of MFA devices, and contexts that
        another AWS service vouches for.
        """
        wish = Wish(
            role_arn=RoleArn,
            name=RoleSessionName,
            policy=Policy,
            policy_arns=tuple(policy["arn"] for policy in PolicyArns if "arn" in policy),
            seconds=DurationSeconds,
            tags=Tags,
            transitive_keys=TransitiveTagKeys,
            external_id=ExternalId,
            source_identity=SourceIdentity,
        )
        if ProvidedContexts:
            raise AwsError("ValidationError", "No context provider is known to this installation.")
        refuse_device(SerialNumber, TokenCode)

        def work(transaction: Transaction) -> tuple[Role, SessionFacts, int | None]:
            role = _assumable_role(transaction, call, wish)
            facts = wished_session(transaction, call, role, wish)
            return role, facts, packed_size(facts.policy, facts.policy_arns, facts.tags)

        role, facts, percent = await call.read(work)
        session = mint_session(self._keyring, self._entropy, facts, shortest_token=MinimumSessionTokenSize)
        call.touches(role.arn, "AWS::IAM::Role", role.account)
        return answer(role, session, percent)


def _assumable_role(transaction: Transaction, call: Call, wish: Wish) -> Role:
    """The role, if the caller may assume it. A session of GetFederationToken may not ("Compare AWS STS credentials").

    Raises:
        AccessDenied: The caller may not.
        AwsError: ``ValidationError``: it is no ARN of a role.
    """
    kind = call.caller.facts.kind
    if kind == "root":
        raise AccessDenied("Roles may not be assumed by root accounts.")
    refusal = f"User: {call.caller.arn} is not authorized to perform: {{action}} on resource: {wish.role_arn}"
    if kind == "federated-user":
        raise AccessDenied(refusal.replace("{action}", "sts:AssumeRole"))
    return authorized_role(transaction, call, "sts:AssumeRole", wish, refusal)
