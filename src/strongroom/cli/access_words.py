"""Explanations of access in words, as ``strongroom access`` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["explained", "listed_readers"]

Answer = dict[str, Any]


def explained(answer: Answer) -> Iterator[str]:
    """The lines of ``access explain``, from the answer of ExplainAccess."""
    for explanation in answer["Explanations"]:
        yield from _explanation(explanation)
    if len(answer["Explanations"]) > 1:
        yield f"Together: {'allowed' if answer['Allowed'] else 'denied'}."


def _explanation(told: Answer) -> Iterator[str]:
    verdict = {"allowed": "allowed", "explicitDeny": "denied by an explicit Deny", "implicitDeny": "denied"}
    yield f"{told['Principal']}"
    yield f"  {told['Action']} on {told['Resource']}: {verdict[told['Decision']]}"
    yield f"  because: {told['Reason']}"
    if told.get("ResourceFound") is False:
        yield "  note: there is no such resource"
    for obstacle in told["Obstacles"]:
        yield f"  nevertheless impossible: {obstacle}"
    for statement in told["DecidedBy"]:
        yield f"  decided by: {_statement(statement)}"
    if "GrantId" in told:
        yield f"  by grant: {told['GrantId']}"
    for findings in told["PolicyTypes"]:
        yield from _policy_type(findings)
    for kind in told["Missing"]:
        yield f"  missing: an Allow in {_article(kind)} {kind}"
    if told["AbsentKeys"]:
        yield f"  not in the request: {', '.join(told['AbsentKeys'])} (give them with --context)"
    if "Message" in told:
        yield f"  the caller is told: {told['Message']}"


def _policy_type(findings: Answer) -> Iterator[str]:
    level = f", level {findings['Level']}" if "Level" in findings else ""
    said = {"Allow": "allows", "Deny": "denies", "None": "says nothing"}[findings["Effect"]]
    if not findings["Policies"]:
        said = "there is none"
    yield f"  {findings['PolicyType']}{level}: {said}"
    for statement in findings["Statements"]:
        yield f"    {statement['Effect']} {_statement(statement)}"
    for statement in findings["NotApplied"]:
        unmet = "; ".join(statement["UnmetConditions"])
        yield f"    {statement['Effect']} {_statement(statement)} does not apply: {unmet}"


def _statement(statement: Answer) -> str:
    sid = f' "{statement["Sid"]}"' if "Sid" in statement else ""
    return f"{statement.get('Policy', 'the policy of the resource')}, statement {statement['Index'] + 1}{sid}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def listed_readers(answer: Answer) -> Iterator[str]:
    """The lines of ``access who-can``, from the answer of ListSecretReaders."""
    yield f"{answer['Name']}  {answer['ARN']}"
    if "Unreadable" in answer:
        yield f"Nobody can read it at present: {answer['Unreadable']}"
    if answer["Public"]:
        yield "PUBLIC: its resource policy lets everybody in."
    if answer["KeyPublic"]:
        yield f"PUBLIC KEY: the policy of {answer['KmsKeyArn']} lets everybody in."
    for account in answer["OtherAccounts"]:
        yield f"Another account is let in: {account}"
    for reader in answer["Readers"]:
        yield from _reader(reader)
    count = len({reader["Principal"] for reader in answer["Readers"]})
    scope = "" if answer["WholeInstallation"] else " in this account"
    yield f"{count} {'principal' if count == 1 else 'principals'}{scope} can read it."


def _reader(reader: Answer) -> Iterator[str]:
    yield f"{reader['Kind']:<9}  {reader['Principal']}"
    if "Through" in reader:
        yield f"             through {' -> '.join(reader['Through'])}"
    for what, path in (("secret", reader.get("Secret")), ("key", reader.get("Key"))):
        if path is not None:
            yield f"             {what}: {_path(path)}"
    for condition in reader.get("Conditions", ()):
        yield f"             only {condition}"


def _path(path: Answer) -> str:
    if "GrantId" in path:
        return f"grant {path['GrantId']}"
    return f"{path['By']}: {'; '.join(_statement(statement) for statement in path['Statements'])}"
