"""The policy of a function: AddPermission, RemovePermission and GetPolicy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_target
from strongroom.services.awslambda.alias_records import save_alias
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import check_features
from strongroom.services.awslambda.names import LATEST, FunctionReference, parse_reference
from strongroom.services.awslambda.records import save_function
from strongroom.services.awslambda.statements import Permission, PolicyDocument, principal_name
from strongroom.services.awslambda.targets import Target, find_target
from strongroom.services.awslambda.version_records import save_version_policy
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
            target = authorized_target(transaction, call, reference, "lambda:AddPermission", context)
            _refuse_latest(reference)
            check_features({"FunctionUrlAuthType": FunctionUrlAuthType, "InvokedViaFunctionUrl": InvokedViaFunctionUrl})
            _require_policy_revision(target, RevisionId)
            statement = permission.statement(reference.qualified_arn)
            document = PolicyDocument(target.policy)
            document.add(transaction, statement)
            _save(transaction, target, document.text(), revision_id)
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
            found = find_target(transaction, reference)
            document = PolicyDocument(None if found is None else found.policy)
            statement = document.find(StatementId)
            context: dict[str, str] = {}
            if statement is not None:
                context["lambda:principal"] = principal_name(document.principal(transaction, statement))
            target = authorized_target(transaction, call, reference, "lambda:RemovePermission", context)
            _refuse_latest(reference)
            if statement is None:
                raise failures.statement_not_found(StatementId)
            _require_policy_revision(target, RevisionId)
            document.statements.remove(statement)
            _save(transaction, target, document.text(), revision_id)
            return _NOTHING

        return dict(await call.write(work))

    async def get_policy(self, call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict[str, object]:
        """The policy of a function as JSON text.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function, or it has no policy.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> dict[str, object]:
            target = authorized_target(transaction, call, reference, "lambda:GetPolicy")
            if target.policy is None or reference.qualifier == LATEST:
                raise failures.no_policy()
            document = PolicyDocument(target.policy)
            return {"Policy": document.shown(transaction), "RevisionId": target.policy_revision_id}

        return await call.read(work)


def _refuse_latest(reference: FunctionReference) -> None:
    """A policy belongs to the whole function, to a published version or to an alias."""
    if reference.qualifier == LATEST:
        raise failures.invalid_parameter("We currently do not support adding policies for $LATEST.")


def _require_policy_revision(target: Target, revision_id: str | None) -> None:
    """Check the revision a caller expects; that of the function, version or alias itself while it has no policy."""
    if revision_id is not None and revision_id != (target.policy_revision_id or target.revision_id):
        raise failures.wrong_policy_revision()


def _save(transaction: Transaction, target: Target, policy: str | None, revision_id: str) -> None:
    """Store the policy where it belongs; None takes it away."""
    kept = revision_id if policy else None
    if target.alias is not None:
        save_alias(transaction, replace(target.alias, policy=policy, policy_revision_id=kept))
    elif target.function.number is not None:
        save_version_policy(transaction, target.function, policy, kept)
    else:
        save_function(transaction, replace(target.function, policy=policy, policy_revision_id=kept))
