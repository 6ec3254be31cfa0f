"""AssumeRoleWithWebIdentity: sessions of roles for those who show a token of an identity provider.

The call carries no signature, so the token decides who its caller is, and until it is proven the caller is nobody. The
order is: what the token says; does the role's account trust its issuer; the issuer's keys, outside of any transaction;
the signature; then, in one transaction, the audience, the role's trust policy and the session.

Source: STS API reference, "AssumeRoleWithWebIdentity"; IAM User Guide, "OIDC federation".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.directory import Role
from strongroom.identity.organization import load_organization
from strongroom.identity.sessions import SessionFacts, mint_session
from strongroom.identity.web_identity import (
    WebToken,
    check_signature,
    check_times,
    invalid_identity_token,
    read_token,
)
from strongroom.identity.web_identity_claims import WebIdentity, web_identity
from strongroom.identity.web_identity_providers import IdentityProvider, provider_of
from strongroom.keyring import Keyring
from strongroom.services.call import Call
from strongroom.services.sts.assuming import Wish, answer, authorized_role, role_arn, wished_session
from strongroom.services.sts.base import Operations
from strongroom.services.sts.grants import packed_size
from strongroom.services.sts.issuers import AdmittedIssuer, IssuerKeys
from strongroom.store import Transaction
from strongroom.world import World

__all__ = ["WebIdentityOperations"]

_ACTION: Final = "sts:AssumeRoleWithWebIdentity"
_REFUSAL: Final = "Not authorized to perform {action}"


class WebIdentityOperations(Operations):
    """AssumeRoleWithWebIdentity.

    Args:
        keyring: Seals session tokens.
        world: Entropy for temporary keys, and the time for the age of key sets.
        issuers: The issuers that the operator admits.
    """

    def __init__(self, keyring: Keyring, world: World, issuers: Sequence[AdmittedIssuer]) -> None:
        super().__init__(keyring, world)
        self._keys = IssuerKeys(issuers, world.clock.milliseconds)

    async def assume_role_with_web_identity(
        self,
        call: Call,
        *,
        RoleArn: str,
        RoleSessionName: str,
        WebIdentityToken: str,
        ProviderId: str | None = None,
        PolicyArns: Sequence[Mapping[str, str]] = (),
        Policy: str | None = None,
        DurationSeconds: int | None = None,
        MinimumSessionTokenSize: int = 0,
    ) -> dict[str, object]:
        """Temporary credentials of a role that trusts whom a token is about."""
        if ProviderId is not None:
            raise AwsError("ValidationError", "ProviderId is for OAuth 2.0 access tokens, which are not taken here.")
        account, token = role_arn(RoleArn).account, read_token(WebIdentityToken)
        await call.read(lambda transaction: _provider(transaction, account, token), single=True)
        check_signature(token, await self._keys.of(token.issuer, token.key_id, token.algorithm))
        check_times(token, call.now_ms)

        def work(transaction: Transaction) -> tuple[WebIdentity, Role, SessionFacts, int | None]:
            identity = web_identity(token, _provider(transaction, account, token))
            call.caller = identity.caller(account, load_organization(transaction))
            wish = Wish(
                role_arn=RoleArn,
                name=RoleSessionName,
                policy=Policy,
                policy_arns=tuple(policy["arn"] for policy in PolicyArns if "arn" in policy),
                seconds=DurationSeconds,
                tags=identity.tags,
                transitive_keys=identity.transitive_keys,
                source_identity=identity.source_identity,
            )
            role = authorized_role(transaction, call, _ACTION, wish, _REFUSAL)
            facts = wished_session(transaction, call, role, wish, identity.federation())
            return identity, role, facts, packed_size(facts.policy, facts.policy_arns, facts.tags)

        identity, role, facts, percent = await call.read(work)
        session = mint_session(self._keyring, self._entropy, facts, shortest_token=MinimumSessionTokenSize)
        call.touches(role.arn, "AWS::IAM::Role", role.account)
        return {
            **answer(role, session, percent),
            "SubjectFromWebIdentityToken": identity.subject,
            "Audience": identity.audience,
            "Provider": identity.provider.arn,
        }


def _provider(transaction: Transaction, account: str, token: WebToken) -> IdentityProvider:
    """The provider that an account has for the issuer of a token.

    Raises:
        AwsError: ``InvalidIdentityToken``: it has none.
    """
    provider = provider_of(transaction, account, token.issuer)
    if provider is None:
        raise invalid_identity_token(f"No OpenIDConnect provider found in your account for {token.issuer}")
    return provider
