"""What follows from the claims of a proven token: its audience, the condition keys, the tags, and the caller.

Sources: IAM User Guide, "IAM and AWS STS condition context keys" (AWS OIDC federation) and "Pass session tags in AWS
STS" (AssumeRoleWithWebIdentity); CloudTrail User Guide, "userIdentity element".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from strongroom.audit import user_identity
from strongroom.errors import AwsError
from strongroom.identity.caller import NO_POLICIES, Caller
from strongroom.identity.organization import Organization
from strongroom.identity.sessions import Federation
from strongroom.identity.web_identity import WebToken, invalid_identity_token
from strongroom.identity.web_identity_providers import IdentityProvider
from strongroom.policy import PrincipalFacts

__all__ = ["WebIdentity", "web_identity"]

_KEPT: Final = ("amr", "aud", "sub")
"""The keys that a session keeps for its later requests."""

_OF_AWS: Final = frozenset({*_KEPT, "oaud"})
"""Keys that AWS makes itself. A claim that is spelled like one in other cases of letters must not take its place."""

_CLAIM: Final = re.compile(r"[A-Za-z0-9_.-]+")
"""A claim with a colon in its name could be taken for one of an issuer with a longer name."""

_TAGS: Final = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY: Final = "https://aws.amazon.com/source_identity"
_SOURCE_IDENTITY_FORM: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_LONGEST_KEY: Final = 128
_LONGEST_VALUE: Final = 256

Values = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Whom a proven token is about, and what it asks for.

    Args:
        provider: The provider that vouches for it.
        subject: Whom it is about.
        audience: For whom it was made, as the provider's client ids have it.
        keys: Its condition keys, lower-cased, with their values.
        tags: Session tags that the token carries, in the model's shape.
        transitive_keys: Which of them go on to sessions assumed from this one.
        source_identity: The source identity that the token carries.
    """

    provider: IdentityProvider
    subject: str
    audience: str
    keys: Mapping[str, Values]
    tags: Sequence[Mapping[str, str]] = ()
    transitive_keys: Sequence[str] = field(default_factory=tuple)
    source_identity: str | None = None

    def caller(self, account: str, organization: Organization) -> Caller:
        """The caller that shows the token. It has no policies: only a role's trust policy can allow it anything.

        Args:
            account: The account of the role that it asks for, to which its call belongs.
            organization: The organization, for the state of that account.
        """
        arn = self.provider.arn
        return Caller(
            facts=PrincipalFacts(arn=arn, session_arn=arn, account="", kind="web-identity"),
            policies=NO_POLICIES,
            context={**self.keys, "aws:federatedprovider": arn, "aws:principalisawsservice": "false"},
            audit=user_identity.web_identity_user(provider_arn=arn, audience=self.audience, subject=self.subject),
            serves_account=account,
            organization=organization,
        )

    def federation(self) -> Federation:
        """What a session keeps of the web identity."""
        names = [f"{self.provider.name}:{claim}".lower() for claim in _KEPT]
        return Federation(self.provider.arn, {name: self.keys[name] for name in names if name in self.keys})


def web_identity(token: WebToken, provider: IdentityProvider) -> WebIdentity:
    """Whom a token is about.

    Args:
        token: A token whose signature and times were checked.
        provider: The provider of its issuer.

    Raises:
        AwsError: ``InvalidIdentityToken``: it was made for somebody else; ``IDPRejectedClaim``: a claim for AWS is not
            of the form that AWS documents.
    """
    audiences = _audiences(token, provider)
    claims: dict[str, Values] = {
        "sub": token.subject,
        "aud": audiences[0] if len(audiences) == 1 else audiences,
    }
    if token.claims.get("azp") is not None and (original := _values(token.claims["aud"])) is not None:
        claims["oaud"] = original
    if (methods := _values(token.claims.get("amr"))) is not None:
        claims["amr"] = methods
    tags, transitive_keys = _session_tags(token.claims)
    return WebIdentity(
        provider=provider,
        subject=token.subject,
        audience=audiences[0],
        keys={f"{provider.name}:{name}".lower(): value for name, value in {**_others(token.claims), **claims}.items()},
        tags=tags,
        transitive_keys=transitive_keys,
        source_identity=_source_identity(token.claims),
    )


def _audiences(token: WebToken, provider: IdentityProvider) -> tuple[str, ...]:
    """Those of the provider's client ids that the token was made for: its ``azp`` if it has one, else its ``aud``."""
    party = token.claims.get("azp")
    made_for = _values(token.claims["aud"] if party is None else party) or ()
    names = (made_for,) if isinstance(made_for, str) else made_for
    known = tuple(name for name in names if name in provider.client_ids)
    if not known:
        raise invalid_identity_token("Incorrect token audience")
    return known


def _others(claims: Mapping[str, object]) -> dict[str, Values]:
    """Every other claim that a condition can test: text, and lists of text, under a name that a key can have."""
    found: dict[str, Values] = {}
    for name in sorted(claims):  # capitals come first, so the name in small letters has the last word
        value = _values(claims[name])
        if value is not None and _CLAIM.fullmatch(name) and name.lower() not in _OF_AWS:
            found[name.lower()] = value
    return found


def _values(claim: object) -> Values | None:
    if isinstance(claim, str):
        return claim
    if isinstance(claim, list) and claim and all(isinstance(value, str) for value in claim):
        return tuple(claim)
    return None


# --- claims for AWS -----------------------------------------------------------------------------------------------


def _rejected(claim: str) -> AwsError:
    return AwsError("IDPRejectedClaim", f"The claim {claim} is not valid.")


def _source_identity(claims: Mapping[str, object]) -> str | None:
    given = claims.get(_SOURCE_IDENTITY)
    if given is None:
        return None
    if not isinstance(given, str) or not _SOURCE_IDENTITY_FORM.fullmatch(given):
        raise _rejected(_SOURCE_IDENTITY)
    return given


def _session_tags(claims: Mapping[str, object]) -> tuple[list[dict[str, str]], list[str]]:
    """The session tags of a token and the keys of the transitive ones.

    AWS takes them as one nested claim, whose values are lists of one, or as claims side by side.
    """
    nested = claims.get(_TAGS)
    if nested is None:
        prefix = f"{_TAGS}/principal_tags/"
        given: object = {name.removeprefix(prefix): value for name, value in claims.items() if name.startswith(prefix)}
        transitive = claims.get(f"{_TAGS}/transitive_tag_keys", [])
    elif isinstance(nested, dict):
        given, transitive = nested.get("principal_tags", {}), nested.get("transitive_tag_keys", [])
    else:
        raise _rejected(_TAGS)
    if not isinstance(given, dict):
        raise _rejected(_TAGS)
    keys = [transitive] if isinstance(transitive, str) else transitive
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _rejected(_TAGS)
    return [_tag(key, value) for key, value in given.items()], keys


def _tag(key: str, value: object) -> dict[str, str]:
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(only, str) or not 0 < len(key) <= _LONGEST_KEY or len(only) > _LONGEST_VALUE:
        raise _rejected(_TAGS)
    return {"Key": key, "Value": only}
