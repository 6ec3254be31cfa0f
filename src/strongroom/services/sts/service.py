"""The operations of STS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.directory import Role, role_by_arn, tags_of
from strongroom.identity.principals import session_arn
from strongroom.identity.sessions import SessionFacts, SessionToken, mint_session
from strongroom.identity.trust import NOBODY_TRUSTED, compile_trust
from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.sts.grants import (
    check_session_policies,
    packed_size,
    session_seconds,
    session_source_identity,
    session_tags,
    transitive_keys,
)
from strongroom.store import Store, Transaction
from strongroom.world import World, from_milliseconds

__all__ = ["Sts"]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an AssumeRole request asks for."""

    role_arn: str
    name: str
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    seconds: int | None = None
    tags: Sequence[Mapping[str, str]] = ()
    transitive_keys: Sequence[str] = ()
    external_id: str | None = None
    source_identity: str | None = None
    context: dict[str, str | tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The condition keys of the request (IAM User Guide, "IAM and AWS STS condition context keys")."""
        self.context["sts:rolesessionname"] = self.name
        if self.external_id is not None:
            self.context["sts:externalid"] = self.external_id
        if self.source_identity is not None:
            self.context["sts:sourceidentity"] = self.source_identity
        if self.transitive_keys:
            self.context["sts:transitivetagkeys"] = tuple(self.transitive_keys)
        if self.tags:
            self.context["aws:tagkeys"] = tuple(tag["Key"] for tag in self.tags)
        for tag in self.tags:
            self.context[f"aws:requesttag/{tag['Key'].lower()}"] = tag["Value"]


class Sts:
    """AWS Security Token Service.

    Args:
        _store: Every service is built with the store; STS acts in the one that its calls bring.
        keyring: Seals session tokens.
        world: Entropy for temporary keys.
    """

    def __init__(self, _store: Store, keyring: Keyring, world: World) -> None:
        self._keyring = keyring
        self._entropy = world.entropy

    async def get_caller_identity(self, call: Call) -> dict[str, object]:
        """Who made this call. Everybody may know that, even where a policy denies it (STS API reference)."""
        call.needs_no_permission()
        caller = call.caller
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

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
        wish = _Wish(
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
        if SerialNumber is not None or TokenCode is not None:
            raise AccessDenied("MultiFactorAuthentication failed, no MFA device is known to this installation.")

        def work(transaction: Transaction) -> tuple[Role, SessionFacts, int | None]:
            role = _authorized_role(transaction, call, wish)
            facts = _session(transaction, call, role, wish)
            return role, facts, packed_size(facts.policy, facts.policy_arns, facts.tags)

        role, facts, percent = await call.read(work)
        session = mint_session(self._keyring, self._entropy, facts, shortest_token=MinimumSessionTokenSize)
        call.touches(role.arn, "AWS::IAM::Role", role.account)
        return _answer(role, session, percent)


def _answer(role: Role, session: SessionToken, percent: int | None) -> dict[str, object]:
    """The session in the model's shape.

    Args:
        role: Whose session it is.
        session: The session with its credentials.
        percent: From `grants.packed_size`.
    """
    facts = session.facts
    answer: dict[str, object] = {
        "Credentials": {
            "AccessKeyId": session.key.access_key_id,
            "SecretAccessKey": session.key.secret_access_key,
            "SessionToken": session.token,
            "Expiration": from_milliseconds(facts.expires_ms),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.role_id}:{facts.name}",
            "Arn": session_arn(role, facts.name),
        },
    }
    if percent is not None:
        answer["PackedPolicySize"] = percent
    if facts.source_identity is not None:
        answer["SourceIdentity"] = facts.source_identity
    return answer


def _session(transaction: Transaction, call: Call, role: Role, wish: _Wish) -> SessionFacts:
    """The session that an authorised request gets."""
    seconds = session_seconds(wish.seconds, role, call.caller)
    check_session_policies(transaction, role, wish.policy, wish.policy_arns)
    tags = session_tags(wish.tags, call.caller)
    return SessionFacts(
        account=role.account,
        role_id=role.role_id,
        name=wish.name,
        issued_ms=call.now_ms,
        expires_ms=call.now_ms + seconds * 1000,
        policy=wish.policy,
        policy_arns=wish.policy_arns,
        tags=tags,
        transitive_keys=transitive_keys(wish.transitive_keys, tags, call.caller),
        source_identity=session_source_identity(wish.source_identity, call.caller),
    )


def _authorized_role(transaction: Transaction, call: Call, wish: _Wish) -> Role:
    """The role, after asking both the caller's policies and the role's trust policy.

    Session tags and a source identity are permissions of their own. A role that does not exist trusts nobody, so its
    refusal is that of any other.
    """
    arn = Arn.parse(wish.role_arn)
    if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
        raise AwsError("ValidationError", f"{wish.role_arn} is invalid")
    if call.caller.facts.kind == "root":
        raise AccessDenied("Roles may not be assumed by root accounts.")
    role = role_by_arn(transaction, wish.role_arn)
    trust = NOBODY_TRUSTED if role is None else compile_trust(role.trust_policy)
    context = {**wish.context, **(_role_context(transaction, role) if role else {})}
    if call.caller.source_identity is not None:
        context.setdefault("sts:sourceidentity", call.caller.source_identity)
    actions = ["sts:AssumeRole"]
    if wish.tags or wish.transitive_keys or call.caller.transitive_tags:
        actions.append("sts:TagSession")
    if wish.source_identity is not None or call.caller.source_identity is not None:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        try:
            call.authorize(action, wish.role_arn, resource_account=arn.account, policy=trust, context=context)
        except AccessDenied:
            # Without the reason: it would tell a role that exists from one that does not.
            raise AccessDenied(
                f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {wish.role_arn}"
            ) from None
    if role is None:
        raise AwsError("ValidationError", f"{wish.role_arn} is invalid")
    return role


def _role_context(transaction: Transaction, role: Role) -> dict[str, str]:
    tags = tags_of(transaction, role.role_id)
    return {f"{prefix}:resourcetag/{key.lower()}": value for key, value in tags.items() for prefix in ("aws", "iam")}
