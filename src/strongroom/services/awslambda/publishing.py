"""Published versions: PublishVersion and ListVersionsByFunction.

Source: Lambda Developer Guide, "Manage Lambda function versions": a version is a copy that never changes; nothing is
published while code and configuration are what they were when the last version was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_function
from strongroom.services.awslambda.archives import shown_sha256
from strongroom.services.awslambda.base import PAGE, Operations, after_marker, marker
from strongroom.services.awslambda.configuration import check_features
from strongroom.services.awslambda.names import parse_reference
from strongroom.services.awslambda.records import FunctionRecord, save_function
from strongroom.services.awslambda.targets import version_number
from strongroom.services.awslambda.version_records import find_version, insert_version, versions_after
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["PublishingOperations", "publish"]

_COMPARED: Final = (
    "runtime",
    "handler",
    "role_arn",
    "timeout_seconds",
    "memory_megabytes",
    "environment",
    "kms_key_arn",
    "code_sha256",
    "layers",
    "temporary_megabytes",
)


def publish(
    transaction: Transaction, record: FunctionRecord, revision_id: str, description: str | None = None
) -> FunctionRecord:
    """Make a version of a function as it is now, unless the last version is the same.

    Args:
        transaction: A write.
        record: The function.
        revision_id: The new version's.
        description: The version's own; the function's when None.

    Returns:
        The new version, or the last one.
    """
    last = None if record.last_version is None else find_version(transaction, record.arn, record.last_version)
    wanted = record.description if description is None else description
    unchanged = last is not None and all(getattr(last, name) == getattr(record, name) for name in _COMPARED)
    if last is not None and unchanged and (description is not None or last.description == wanted):
        return last
    number = (record.last_version or 0) + 1
    version = replace(
        record,
        number=number,
        last_version=number,
        description=wanted,
        revision_id=revision_id,
        policy=None,
        policy_revision_id=None,
    )
    insert_version(transaction, version)
    save_function(transaction, replace(record, last_version=number))
    return version


class PublishingOperations(Operations):
    """PublishVersion and ListVersionsByFunction."""

    async def publish_version(
        self,
        call: Call,
        *,
        FunctionName: str,
        CodeSha256: str | None = None,
        Description: str | None = None,
        RevisionId: str | None = None,
        PublishTo: str | None = None,
    ) -> dict[str, object]:
        """Publish the function as it is now.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``PreconditionFailedException``: it is another revision;
                ``InvalidParameterValueException``: it has other code than the request says.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:PublishVersion")
            check_features({"PublishTo": PublishTo})
            if RevisionId is not None and RevisionId != record.revision_id:
                raise failures.wrong_revision()
            if CodeSha256 is not None and CodeSha256 != shown_sha256(record.code_sha256):
                raise failures.wrong_code(CodeSha256, shown_sha256(record.code_sha256))
            version = publish(transaction, record, revision_id, Description)
            return self._shown(transaction, call, version, version.version_arn)

        return dict(await call.write(work))

    async def list_versions_by_function(
        self, call: Call, *, FunctionName: str, Marker: str | None = None, MaxItems: int = PAGE
    ) -> dict[str, object]:
        """``$LATEST`` and the published versions, in the order of their numbers.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException``: the marker is none of ours.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        most = min(MaxItems, PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:ListVersionsByFunction")
            after = after_marker(Marker)
            found = [] if after else [record]
            found += versions_after(transaction, record.arn, version_number(after) or 0, most + 1 - len(found))
            shown: dict[str, object] = {
                "Versions": [self._shown(transaction, call, it, it.version_arn) for it in found[:most]]
            }
            if len(found) > most:
                shown["NextMarker"] = marker(found[most - 1].version)
            return shown

        return await call.read(work)
