"""The policy of a function: AddPermission, RemovePermission and GetPolicy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_function
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import check_features
from strongroom.services.awslambda.names import FunctionReference, parse_reference
from strongroom.services.awslambda.records import FunctionRecord, find_function, save_function
from strongroom.services.awslambda.statements import Permission, PolicyDocument, principal_name
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["PermissionOperations"]

_NOTHING: Final[Mapping[str, object]] = {}


class PermissionOperations(Operations):
    """AddPermission, RemovePermission and GetPolicy."""

    async def add_permission(
        self,
        call: Call,
        *,
        FunctionName: str,
        StatementId: str,
        Action: str,
        Principal: str,
        SourceArn: str | None = None,
        SourceAccount: str | None = None,
        PrincipalOrgID: str | None = None,
        EventSourceToken: str | None = None,
        Qualifier: str | None = None,
        RevisionId: str | None = None,
        FunctionUrlAuthType: str | None = None,
        InvokedViaFunctionUrl: bool | None = None,
    ) -> dict[str, object]:
        """Let somebody use a function. Answers the statement as JSON text.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``ResourceConflictException``: the statement id is taken;
                ``InvalidParameterValueException``: the principal does not exist; ``PreconditionFailedException``;
                ``PublicPolicyException``; ``PolicyLengthExceededException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)
        permission = Permission(
            StatementId, Action, Principal, SourceArn, SourceAccount, PrincipalOrgID, EventSourceToken
        )
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = {"lambda:principal": principal_name(Principal)}
            record = authorized_function(transaction, call, reference, "lambda:AddPermission", context)
            _refuse_qualifier(reference)
            check_features({"FunctionUrlAuthType": FunctionUrlAuthType, "InvokedViaFunctionUrl": InvokedViaFunctionUrl})
            _require_policy_revision(record, RevisionId)
            statement = permission.statement(record.arn)
            document = PolicyDocument(record.policy)
            document.add(transaction, statement)
            save_function(transaction, replace(record, policy=document.text(), policy_revision_id=revision_id))
            return {"Statement": json.dumps(statement, separators=(",", ":"))}

        return dict(await call.write(work))

    async def remove_permission(
        self,
        call: Call,
        *,
        FunctionName: str,
        StatementId: str,
        Qualifier: str | None = None,
        RevisionId: str | None = None,
    ) -> dict[str, object]:
        """Take a permission back.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function or statement; ``PreconditionFailedException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            found = find_function(transaction, reference.arn)
            document = PolicyDocument(None if found is None else found.policy)
            statement = document.find(StatementId)
            context: dict[str, str] = {}
            if statement is not None:
                context["lambda:principal"] = principal_name(document.principal(transaction, statement))
            record = authorized_function(transaction, call, reference, "lambda:RemovePermission", context)
            _refuse_qualifier(reference)
            if statement is None:
                raise failures.statement_not_found(StatementId)
            _require_policy_revision(record, RevisionId)
            document.statements.remove(statement)
            policy = document.text()
            save_function(
                transaction, replace(record, policy=policy, policy_revision_id=revision_id if policy else None)
            )
            return _NOTHING

        return dict(await call.write(work))

    async def get_policy(self, call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict[str, object]:
        """The policy of a function as JSON text.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function, or it has no policy.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:GetPolicy")
            if record.policy is None or reference.qualifier is not None:
                raise failures.no_policy()
            document = PolicyDocument(record.policy)
            return {"Policy": document.shown(transaction), "RevisionId": record.policy_revision_id}

        return await call.read(work)


def _refuse_qualifier(reference: FunctionReference) -> None:
    """A policy belongs to the function, or to a published version or alias, of which there are none."""
    if reference.qualifier is not None:
        raise failures.invalid_parameter("We currently do not support adding policies for $LATEST.")


def _require_policy_revision(record: FunctionRecord, revision_id: str | None) -> None:
    """Check the revision a caller expects; that of the function itself while it has no policy."""
    if revision_id is not None and revision_id != (record.policy_revision_id or record.revision_id):
        raise failures.wrong_policy_revision()
