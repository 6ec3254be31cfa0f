"""Layers: PublishLayerVersion, GetLayerVersion and its like, ListLayers, ListLayerVersions, DeleteLayerVersion.

Source: Lambda Developer Guide, "Managing Lambda dependencies with layers". A version that was deleted goes on serving
the functions that have it; its number is never given again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import compiled_policy, refuse_nul
from strongroom.services.awslambda.archives import require_room, sealed_archive, shown_sha256, uploaded_archive
from strongroom.services.awslambda.base import PAGE, Operations, after_marker, marker
from strongroom.services.awslambda.layer_names import LayerReference, parse_layer, parse_layer_version
from strongroom.services.awslambda.layer_records import (
    LayerVersion,
    drop_unused_layers,
    find_layer_version,
    insert_layer_version,
    latest_versions_after,
    mark_layer_deleted,
    next_layer_version,
    versions_before,
)
from strongroom.services.awslambda.targets import version_number
from strongroom.services.call import Call
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["LAYER_TYPE", "LayerOperations", "authorized_layer_version"]

LAYER_TYPE: Final = "AWS::Lambda::LayerVersion"
"""What a layer's version is called in the audit trail."""

_NOTHING: Final[Mapping[str, object]] = {}
_HIGHEST: Final = 1 << 62


def authorized_layer_version(
    transaction: Transaction, call: Call, reference: LayerReference, version: int, action: str
) -> LayerVersion | None:
    """A layer's version, if there is one, after asking for ``action`` on it. It is named in the audit record.

    Raises:
        AccessDenied: The caller may not, whether there is such a version or not.
    """
    arn = reference.version_arn(version)
    found = find_layer_version(transaction, reference.arn, version)
    policy = None if found is None else compiled_policy(found.policy, arn)
    call.authorize(action, arn, resource_account=reference.account, policy=policy)
    call.touches(arn, LAYER_TYPE, reference.account)
    refuse_nul(call)
    return found


class LayerOperations(Operations):
    """The operations of layers but for their permissions."""

    async def publish_layer_version(
        self,
        call: Call,
        *,
        LayerName: str,
        Content: Mapping[str, object],
        Description: str = "",
        CompatibleRuntimes: Sequence[str] = (),
        LicenseInfo: str = "",
        CompatibleArchitectures: Sequence[str] = (),
    ) -> dict[str, object]:
        """Make a version of a layer; the layer, with the first.

        Raises:
            AwsError: ``InvalidParameterValueException`` for a name or an archive that cannot be used;
                ``CodeStorageExceededException``.
        """
        reference = parse_layer(LayerName, call.account, call.region)

        def permitted() -> None:
            call.authorize("lambda:PublishLayerVersion", reference.arn, resource_account=reference.account)
            call.touches(reference.arn, LAYER_TYPE, reference.account)
            refuse_nul(call)

        permitted()  # before anything is made of the archive
        archive = await sealed_archive(
            self._keyring, reference.arn, uploaded_archive(Content), call.operation, kind="layer"
        )

        def work(transaction: Transaction) -> Mapping[str, object]:
            permitted()
            require_room(transaction, reference, archive.size)
            record = LayerVersion(
                layer_arn=reference.arn,
                version=next_layer_version(transaction, reference),
                description=Description,
                license=LicenseInfo,
                runtimes=json.dumps(list(CompatibleRuntimes)),
                architectures=json.dumps(list(CompatibleArchitectures)),
                code_sha256=archive.sha256,
                code_bytes=archive.size,
                policy_revision_id=None,
                policy=None,
                created_ms=call.now_ms,
            )
            insert_layer_version(transaction, record, archive.sealed)
            return _with_content(record)

        return dict(await call.write(work))

    async def get_layer_version(self, call: Call, *, LayerName: str, VersionNumber: int) -> dict[str, object]:
        """A version of a layer. There is no place to download it from, so the answer names none.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        return await self._get(call, parse_layer(LayerName, call.account, call.region), VersionNumber)

    async def get_layer_version_by_arn(self, call: Call, *, Arn: str) -> dict[str, object]:
        """A version of a layer by its ARN; otherwise as GetLayerVersion.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        parsed = parse_layer_version(Arn)
        if parsed is None or parsed[0].region != call.region:
            call.authorize("lambda:GetLayerVersion", Arn)
            raise failures.no_such_resource()
        return await self._get(call, *parsed)

    async def _get(self, call: Call, reference: LayerReference, version: int) -> dict[str, object]:
        def work(transaction: Transaction) -> dict[str, object]:
            found = authorized_layer_version(transaction, call, reference, version, "lambda:GetLayerVersion")
            if found is None:
                raise failures.no_such_resource()
            return _with_content(found)

        return await call.read(work)

    async def delete_layer_version(self, call: Call, *, LayerName: str, VersionNumber: int) -> dict[str, object]:
        """Delete a version; there need be none. Functions that have it keep it."""
        reference = parse_layer(LayerName, call.account, call.region)

        def work(transaction: Transaction) -> Mapping[str, object]:
            action = "lambda:DeleteLayerVersion"
            if authorized_layer_version(transaction, call, reference, VersionNumber, action) is not None:
                mark_layer_deleted(transaction, reference.arn, VersionNumber, call.now_ms)
                drop_unused_layers(transaction)
            return _NOTHING

        return dict(await call.write(work))

    async def list_layers(
        self,
        call: Call,
        *,
        CompatibleRuntime: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE,
        CompatibleArchitecture: str | None = None,
    ) -> dict[str, object]:
        """The account's layers in the region with the newest version of each, by name.

        A page may hold less than it could when some layers are not for the runtime or instruction set asked for.

        Raises:
            AwsError: ``InvalidParameterValueException``: the marker is none of ours.
        """
        most = min(MaxItems, PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("lambda:ListLayers", "*")
            found = latest_versions_after(transaction, call.account, call.region, after_marker(Marker), most + 1)
            listed = []
            for name, version in found[:most]:
                arn = parse_layer(name, call.account, call.region).arn
                record = find_layer_version(transaction, arn, version)
                if record is not None and record.fits(CompatibleRuntime, CompatibleArchitecture):
                    listed.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": _version(record)})
            return _page("Layers", listed, None if len(found) <= most else found[most - 1][0])

        return await call.read(work)

    async def list_layer_versions(
        self,
        call: Call,
        *,
        LayerName: str,
        CompatibleArchitecture: str | None = None,
        CompatibleRuntime: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE,
    ) -> dict[str, object]:
        """The versions of a layer, the newest first; none for a layer that does not exist.

        Raises:
            AwsError: ``InvalidParameterValueException``: the marker is none of ours.
        """
        reference = parse_layer(LayerName, call.account, call.region)
        most = min(MaxItems, PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("lambda:ListLayerVersions", reference.arn, resource_account=reference.account)
            before = version_number(after_marker(Marker)) or _HIGHEST
            found = versions_before(transaction, reference.arn, before, most + 1)
            listed = [_version(it) for it in found[:most] if it.fits(CompatibleRuntime, CompatibleArchitecture)]
            return _page("LayerVersions", listed, None if len(found) <= most else str(found[most - 1].version))

        return await call.read(work)


def _page(member: str, items: Sequence[object], last: str | None) -> dict[str, object]:
    shown: dict[str, object] = {member: list(items)}
    return shown if last is None else shown | {"NextMarker": marker(last)}


def _version(record: LayerVersion) -> dict[str, object]:
    """A version in the model's ``LayerVersionsListItem``."""
    created = from_milliseconds(record.created_ms)
    shown: dict[str, object] = {
        "LayerVersionArn": record.arn,
        "Version": record.version,
        "Description": record.description,
        "CreatedDate": f"{created:%Y-%m-%dT%H:%M:%S}.{record.created_ms % 1000:03d}+0000",
    }
    chosen = {
        "CompatibleRuntimes": json.loads(record.runtimes),
        "CompatibleArchitectures": json.loads(record.architectures),
        "LicenseInfo": record.license,
    }
    return shown | {name: value for name, value in chosen.items() if value}


def _with_content(record: LayerVersion) -> dict[str, object]:
    """A version in the model's ``GetLayerVersionResponse``."""
    content = {"CodeSha256": shown_sha256(record.code_sha256), "CodeSize": record.code_bytes}
    return {"Content": content, "LayerArn": record.layer_arn, **_version(record)}
