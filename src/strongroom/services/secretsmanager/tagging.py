"""TagResource and UntagResource. Tags take part in decisions, so a change must not lock its own caller out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import (
    authorize_on,
    find_and_authorize,
    request_tag_context,
    secret_context,
)
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret, pack_tags, update_secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, refuse_nul
from strongroom.services.secretsmanager.settings import SecretsManagerSettings
from strongroom.store import Transaction

__all__ = ["Tagging", "given_tags"]

_RESERVED: Final = "aws:"


def given_tags(tags: Sequence[Mapping[str, str]] | None, settings: SecretsManagerSettings) -> dict[str, str]:
    """The tags of a request: key -> value.

    Args:
        tags: The ``Tags`` parameter.
        settings: For the quota.

    Raises:
        AwsError: ``InvalidParameterException``: a key is missing, repeated or reserved, or there are too many.
    """
    found: dict[str, str] = {}
    for tag in tags or ():
        key, value = tag.get("Key"), tag.get("Value", "")
        if key is None:
            raise invalid_parameter("Every tag must have a key.")
        refuse_nul(key=key, value=value)
        _refuse_reserved(key)
        if key in found:
            raise invalid_parameter(f"The tag key {key} appears more than once in the request.")
        found[key] = value
    _refuse_too_many(found, settings)
    return found


def _refuse_reserved(key: str) -> None:
    """Tags of services, such as those of a managed secret, are theirs to give and to take."""
    if key.lower().startswith(_RESERVED):
        raise invalid_parameter("Tag keys that start with aws: are reserved for AWS use.")


def _refuse_too_many(tags: Mapping[str, str], settings: SecretsManagerSettings) -> None:
    """Refuse more tags than the quota; those of services do not count."""
    if sum(not key.startswith(_RESERVED) for key in tags) > settings.tags_per_secret:
        raise invalid_parameter(f"A secret can have at most {settings.tags_per_secret} tags.")


class Tagging(Parts):
    """The operations on tags."""

    async def tag_resource(self, call: Call, *, SecretId: str, Tags: list[dict[str, str]]) -> dict[str, object]:
        """Add tags to a secret, or change their values.

        Raises:
            AwsError: Access denied, now or after the change; no such secret; too many tags.
        """
        tags = given_tags(Tags, self.settings)

        def work(transaction: Transaction) -> dict[str, object]:
            context = request_tag_context(tags)
            secret = find_and_authorize(transaction, call, SecretId, context)
            after = {**secret.tag_map, **tags}
            _refuse_too_many(after, self.settings)
            self._set_tags(transaction, call, SecretId, secret, after, context)
            return {}

        return dict(await call.write(work))

    async def untag_resource(self, call: Call, *, SecretId: str, TagKeys: list[str]) -> dict[str, object]:
        """Remove tags from a secret. Keys that it does not have are no error.

        Raises:
            AwsError: Access denied, now or after the change; no such secret; a reserved key.
        """
        for key in TagKeys:
            _refuse_reserved(key)

        def work(transaction: Transaction) -> dict[str, object]:
            context = {"aws:tagkeys": tuple(TagKeys)}
            secret = find_and_authorize(transaction, call, SecretId, context)
            after = {key: value for key, value in secret.tag_map.items() if key not in TagKeys}
            if len(after) == len(secret.tag_map):
                return {}  # not even LastChangedDate moves (UntagResource, API Reference)
            self._set_tags(transaction, call, SecretId, secret, after, context)
            return {}

        return dict(await call.write(work))

    def _set_tags(
        self,
        transaction: Transaction,
        call: Call,
        secret_id: str,
        secret: Secret,
        tags: Mapping[str, str],
        context: Mapping[str, str | tuple[str, ...]],
    ) -> None:
        """Store tags, unless the caller could then no longer do what it is doing (TagResource, API Reference)."""
        changed = replace(secret, tags=pack_tags(tags))
        authorize_on(
            call,
            f"secretsmanager:{call.operation}",
            secret_id,
            secret.arn,
            secret.account,
            secret.policy,
            {**secret_context(changed), "secretsmanager:secretid": secret_id, **context},
        )
        update_secret(transaction, secret.arn, tags=changed.tags, changed_ms=max(call.now_ms, secret.changed_ms + 1))
