"""The consumers of secrets: who read which version, when, and who still holds an older one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from strongroom.audit.index import Consumption, second
from strongroom.services.call import Call
from strongroom.services.clients import LabelledVersions, SecretVersionsClient
from strongroom.services.lookups import Lookups
from strongroom.services.operator.holders import Holder, holders_of
from strongroom.services.operator.pages import after, token_for
from strongroom.world import from_milliseconds

__all__ = ["ConsumerOperations"]

_PAGE: Final = 100
_CURRENT: Final = "AWSCURRENT"
_PENDING: Final = "AWSPENDING"


class ConsumerOperations:
    """The operations on consumers of secrets.

    Args:
        versions: The versions of secrets.
        lookups: Looks into the trail.
    """

    def __init__(self, versions: SecretVersionsClient, lookups: Lookups) -> None:
        self._versions = versions
        self._lookups = lookups

    async def list_secret_consumers(
        self,
        call: Call,
        *,
        SecretId: str,
        HoldingOlder: bool | None = None,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> dict[str, object]:
        """List who read a secret's values, as far back as the trail of this host goes.

        Raises:
            AwsError: Access denied, no such secret, the token is none of ours, or the trail's index is being made.
        """
        action = f"strongroom:{call.operation}"
        secret = await call.read(lambda transaction: self._versions.labelled(transaction, call, action, SecretId))
        _, behind = after(NextToken)
        most = MaxResults or _PAGE
        current = secret.with_label(_CURRENT)
        reads = await self._lookups.consumptions(secret.arn)
        found = [
            (holder, older)
            for holder in holders_of(reads, current)
            if holder.place > behind and ((older := _holds_older(holder, secret, current)) or not HoldingOlder)
        ]
        answer: dict[str, object] = {
            "ARN": secret.arn,
            "Name": secret.name,
            "CurrentVersionId": current,
            "Consumers": [_shape(holder, secret, older=older) for holder, older in found[:most]],
        }
        if len(found) > most:
            answer["NextToken"] = token_for(0, found[most - 1][0].place)
        return answer


def _holds_older(holder: Holder, secret: LabelledVersions, current: str | None) -> bool:
    """Whether a consumer holds a version that was current once; one that is to become so is not older."""
    return current is not None and holder.held != current and _PENDING not in secret.labels.get(holder.held, ())


def _shape(holder: Holder, secret: LabelledVersions, *, older: bool) -> dict[str, object]:
    """``SecretConsumerType``."""
    last = holder.last
    return {
        "PrincipalArn": last.principal,
        "AccessKeyId": last.access_key or None,
        "SourceIpAddress": last.address,
        "UserAgent": last.agent,
        "HeldVersionId": holder.held,
        "HoldsOlderVersion": older,
        "LastReadDate": _moment(last.last),
        "Versions": [_version(read, secret.labels.get(read.version, ())) for read in holder.reads],
    }


def _version(read: Consumption, labels: Sequence[str]) -> dict[str, object]:
    """``ConsumedVersionType``."""
    return {
        "VersionId": read.version,
        "VersionStages": list(labels) or None,
        "FirstReadDate": _moment(read.first),
        "LastReadDate": _moment(read.last),
        "Reads": read.count,
    }


def _moment(key: int) -> object:
    return from_milliseconds(second(key) * 1000)
