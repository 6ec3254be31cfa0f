"""The policy of a layer's version: AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.layer_names import parse_layer
from strongroom.services.awslambda.layer_records import LayerVersion, save_layer_policy
from strongroom.services.awslambda.layers import authorized_layer_version
from strongroom.services.awslambda.statements import Permission, PolicyDocument
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["LayerPermissionOperations"]

_NOTHING: Final[Mapping[str, object]] = {}


class LayerPermissionOperations(Operations):
    """AddLayerVersionPermission, RemoveLayerVersionPermission and GetLayerVersionPolicy."""

    async def add_layer_version_permission(
        self,
        call: Call,
        *,
        LayerName: str,
        VersionNumber: int,
        StatementId: str,
        Action: str,
        Principal: str,
        OrganizationId: str | None = None,
        RevisionId: str | None = None,
    ) -> dict[str, object]:
        """Let another account, an organization's accounts or everybody use a layer's version.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``ResourceConflictException``: the statement id is taken;
                ``InvalidParameterValueException``; ``PreconditionFailedException``; ``PolicyLengthExceededException``.
        """
        reference = parse_layer(LayerName, call.account, call.region)
        permission = Permission(StatementId, Action, Principal, organization=OrganizationId)
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            action = "lambda:AddLayerVersionPermission"
            record = _required(authorized_layer_version(transaction, call, reference, VersionNumber, action))
            if OrganizationId is not None and Principal != "*":
                raise failures.invalid_parameter("OrganizationId is only valid with the principal *.")
            _require_revision(record, RevisionId)
            document = PolicyDocument(record.policy)
            statement = permission.statement(record.arn)
            document.add(transaction, statement, public=True)
            save_layer_policy(transaction, record, document.text(), revision_id)
            return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": revision_id}

        return dict(await call.write(work))

    async def remove_layer_version_permission(
        self, call: Call, *, LayerName: str, VersionNumber: int, StatementId: str, RevisionId: str | None = None
    ) -> dict[str, object]:
        """Take a permission back.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such version or statement; ``PreconditionFailedException``.
        """
        reference = parse_layer(LayerName, call.account, call.region)
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            action = "lambda:RemoveLayerVersionPermission"
            record = _required(authorized_layer_version(transaction, call, reference, VersionNumber, action))
            _require_revision(record, RevisionId)
            document = PolicyDocument(record.policy)
            statement = document.find(StatementId)
            if statement is None:
                raise failures.statement_not_found(StatementId)
            document.statements.remove(statement)
            policy = document.text()
            save_layer_policy(transaction, record, policy, revision_id if policy else None)
            return _NOTHING

        return dict(await call.write(work))

    async def get_layer_version_policy(self, call: Call, *, LayerName: str, VersionNumber: int) -> dict[str, object]:
        """The policy of a layer's version as JSON text.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such version, or it has no policy.
        """
        reference = parse_layer(LayerName, call.account, call.region)

        def work(transaction: Transaction) -> dict[str, object]:
            action = "lambda:GetLayerVersionPolicy"
            record = _required(authorized_layer_version(transaction, call, reference, VersionNumber, action))
            if record.policy is None:
                raise failures.no_layer_policy()
            return {"Policy": PolicyDocument(record.policy).shown(transaction), "RevisionId": record.policy_revision_id}

        return await call.read(work)


def _required(found: LayerVersion | None) -> LayerVersion:
    if found is None:
        raise failures.no_such_resource()
    return found


def _require_revision(record: LayerVersion, revision_id: str | None) -> None:
    if revision_id is not None and revision_id != record.policy_revision_id:
        raise failures.wrong_policy_revision()
