"""The model's shapes of explanations, from what `strongroom.services.clients` answers."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.policy import Finding, LayerFindings, StatementId
from strongroom.services.clients import AccessAnswer, ReadPath, SecretReader, SecretReaders

__all__ = ["explanations_shape", "readers_shape"]

Shape = dict[str, object]


def explanations_shape(answer: AccessAnswer) -> Shape:
    """``ExplainAccessResponse``."""
    return {"Allowed": answer.allowed, "Explanations": [_explanation(each) for each in (answer, *answer.needs)]}


def _explanation(answer: AccessAnswer) -> Shape:
    told = answer.explanation
    refused = "explicitDeny" if told.reason.is_explicit else "implicitDeny"
    return {
        "Principal": answer.principal,
        "Action": answer.action,
        "Resource": answer.resource,
        "ResourceOwner": answer.owner,
        "ResourceFound": answer.found,
        "Decision": "allowed" if told.allowed else refused,
        "Reason": told.reason.value,
        "Message": answer.message or None,
        "DecidedBy": _statements(told.decision.statements),
        "GrantId": answer.grant_id,
        "PolicyTypes": [_policy_type(findings) for findings in told.layers],
        "Missing": [layer.value for layer in told.missing],
        "AbsentKeys": list(told.absent_keys),
        "Obstacles": list(answer.obstacles),
    }


def _policy_type(findings: LayerFindings) -> Shape:
    """``PolicyTypeFindingsType``."""
    return {
        "PolicyType": findings.layer.value,
        "Level": findings.level or None,
        "Policies": [name or findings.layer.value for name in findings.policies],
        "Needed": findings.needed,
        "Effect": "Deny" if findings.denies else "Allow" if findings.allows else "None",
        "Statements": [_finding(finding) for finding in findings.applied],
        "NotApplied": [_finding(finding) for finding in findings.unmet],
    }


def _finding(finding: Finding) -> Shape:
    shape = _statement(finding.id)
    shape["Effect"] = "Allow" if finding.allows else "Deny"
    if finding.unmet:
        shape["UnmetConditions"] = [str(condition) for condition in finding.unmet]
    return shape


def _statement(statement: StatementId) -> Shape:
    """``PolicyStatementType``. The policy of a resource has no name, and neither have some statements."""
    return {"Policy": statement.policy or None, "Sid": statement.sid or None, "Index": statement.index}


def _statements(statements: Iterable[StatementId]) -> list[Shape]:
    return [_statement(statement) for statement in statements]


def readers_shape(found: SecretReaders) -> Shape:
    """``ListSecretReadersResponse``."""
    secret = found.secret
    unreadable = None
    if secret.deleted:
        unreadable = "The secret is marked for deletion."
    elif secret.key_arn is None:
        unreadable = "The secret has no current version with a value."
    return {
        "ARN": secret.resource.arn,
        "Name": secret.name,
        "KmsKeyArn": secret.key_arn,
        "Readers": [_reader(reader) for reader in found.readers],
        "Public": found.public,
        "KeyPublic": found.key_public,
        "OtherAccounts": list(found.other_accounts),
        "WholeInstallation": found.whole_installation,
        "Unreadable": unreadable,
    }


def _reader(reader: SecretReader) -> Shape:
    """``SecretReaderType``."""
    return {
        "Principal": reader.arn,
        "Kind": reader.kind,
        "Account": reader.account or None,
        "Secret": _path(reader.secret),
        "Key": _path(reader.key),
        "Through": list(reader.through) or None,
        "Conditions": list(reader.conditions) or None,
    }


def _path(path: ReadPath | None) -> Shape | None:
    """``ReadPathType``."""
    if path is None:
        return None
    return {"By": path.by, "Statements": _statements(path.statements), "GrantId": path.grant_id}
