"""Explanations of access, for operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strongroom.errors import AwsError
from strongroom.policy import Context
from strongroom.services.call import Call
from strongroom.services.clients import AccessClient, AccessQuestion
from strongroom.services.operator.access_shapes import explanations_shape, readers_shape

__all__ = ["AccessOperations"]


class AccessOperations:
    """The operations that explain access.

    Args:
        access: Explains it.
    """

    def __init__(self, access: AccessClient) -> None:
        self._access = access

    async def explain_access(
        self,
        call: Call,
        *,
        Principal: str,
        Action: str,
        Resource: str,
        Context: Sequence[Mapping[str, object]] = (),
    ) -> dict[str, object]:
        """Decide whether a principal may do something, and tell why.

        The decision is asked about the principal: whoever may explain its access learns what its policies are called
        and what they say. Other accounts are looked into by the management account only.

        Raises:
            AwsError: Access denied, a question that makes no sense, or there is no such principal.
        """
        question = AccessQuestion(Principal, Action, Resource, _context(Context))
        return explanations_shape(await self._access.explain(call, question))

    async def list_secret_readers(self, call: Call, *, SecretId: str) -> dict[str, object]:
        """List everybody who can read the current value of a secret, and what allows it.

        Raises:
            AwsError: Access denied, or there is no such secret.
        """
        return readers_shape(await self._access.readers(call, SecretId))


def _context(entries: Sequence[Mapping[str, object]]) -> Context:
    """Condition keys by their lower-cased names."""
    context: dict[str, str | tuple[str, ...]] = {}
    for entry in entries:
        name, values = str(entry["Key"]), entry["Values"]
        texts = tuple(str(value) for value in values) if isinstance(values, list) else ()
        if ":" not in name or name.lower() in context:
            raise AwsError("InvalidParameterException", f"{name} is no condition key, or is given twice.")
        context[name.lower()] = texts[0] if len(texts) == 1 else texts
    return context
