"""AWS's texts (IAM User Guide, "Access denied error message examples")."""

from __future__ import annotations

import pytest

from strongroom.policy import AuthorizationRequest, Decision, PrincipalFacts, Reason, StatementId, denied_message

BOB = "arn:aws:iam::123456789012:user/bob"
USER = PrincipalFacts(BOB, BOB, "123456789012", "user")
READ = "secretsmanager:GetSecretValue"
START = f"User: {BOB} is not authorized to perform: {READ} on resource: app/db"


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (Reason.IMPLICIT_DENY_IDENTITY, f"because no identity-based policy allows the {READ} action"),
        (Reason.IMPLICIT_DENY_RESOURCE, f"because no resource-based policy allows the {READ} action"),
        (Reason.IMPLICIT_DENY_TRUST, f"because no role trust policy allows the {READ} action"),
        (Reason.IMPLICIT_DENY_BOUNDARY, f"because no permissions boundary allows the {READ} action"),
        (Reason.IMPLICIT_DENY_SESSION, f"because no session policy allows the {READ} action"),
        (Reason.IMPLICIT_DENY_SERVICE_CONTROL, f"because no service control policy allows the {READ} action"),
        (Reason.EXPLICIT_DENY_IDENTITY, "with an explicit deny in an identity-based policy"),
        (Reason.EXPLICIT_DENY_RESOURCE, "with an explicit deny in a resource-based policy"),
        (Reason.EXPLICIT_DENY_TRUST, "with an explicit deny in the role trust policy"),
        (Reason.EXPLICIT_DENY_BOUNDARY, "with an explicit deny in a permissions boundary"),
        (Reason.EXPLICIT_DENY_SESSION, "with an explicit deny in a session policy"),
        (Reason.EXPLICIT_DENY_SERVICE_CONTROL, "with an explicit deny in a service control policy"),
    ],
)
def test_texts(reason: Reason, ending: str) -> None:
    request = AuthorizationRequest(USER, READ, "app/db", "123456789012", {})
    assert denied_message(request, Decision(False, reason)) == f"{START} {ending}"


NAMED = [
    Reason.EXPLICIT_DENY_IDENTITY,
    Reason.EXPLICIT_DENY_BOUNDARY,
    Reason.EXPLICIT_DENY_SESSION,
    Reason.EXPLICIT_DENY_SERVICE_CONTROL,
]


@pytest.mark.parametrize("reason", Reason)
def test_the_policy_that_denies_is_named(reason: Reason) -> None:
    """AWS Security Blog, "Enhanced access denied error messages with policy ARNs"."""
    if reason.name.startswith("ALLOWED"):
        return
    arn = "arn:aws:iam::123456789012:policy/Guard"

    def text(policy: str, owner: str = "123456789012", **context: str) -> str:
        request = AuthorizationRequest(
            USER, READ, "app/db", owner, {key.replace("_", ":"): context[key] for key in context}
        )
        return denied_message(request, Decision(False, reason, (StatementId(policy, "", 0),)))

    bare = text("inline")
    assert not bare.endswith("inline")
    named = f"{bare}: {arn}" if reason in NAMED else bare
    assert text(arn) == named
    assert text(arn, "444455556666") == bare
    assert text(arn, "444455556666", aws_principalorgid="o-1", aws_resourceorgid="o-1") == named
    assert text(arn, "444455556666", aws_principalorgid="o-1", aws_resourceorgid="o-2") == bare


def test_every_refusal_has_a_text() -> None:
    request = AuthorizationRequest(USER, READ, "app/db", "123456789012", {})
    for reason in Reason:
        if not reason.name.startswith("ALLOWED"):
            assert denied_message(request, Decision(False, reason)).startswith(START)


def test_an_action_without_resource_names_none() -> None:
    request = AuthorizationRequest(USER, "secretsmanager:ListSecrets", "*", "123456789012", {})
    assert denied_message(request, Decision(False, Reason.IMPLICIT_DENY_IDENTITY)) == (
        f"User: {BOB} is not authorized to perform: secretsmanager:ListSecrets"
        " because no identity-based policy allows the secretsmanager:ListSecrets action"
    )


def test_who_is_named() -> None:
    role, session = "arn:aws:iam::123456789012:role/app", "arn:aws:sts::123456789012:assumed-role/app/one"
    named = {
        session: PrincipalFacts(role, session, "123456789012", "role-session"),
        "rds.amazonaws.com": PrincipalFacts("", "", "", "service", service="rds.amazonaws.com"),
        "anonymous": PrincipalFacts("", "", "", "anonymous"),
    }
    for user, principal in named.items():
        request = AuthorizationRequest(principal, READ, "{action}", "123456789012", {})
        text = denied_message(request, Decision(False, Reason.IMPLICIT_DENY_RESOURCE))
        assert text.startswith(f"User: {user} is not authorized to perform: {READ} on resource: {{action}} because")


def test_an_allowed_request_has_none() -> None:
    request = AuthorizationRequest(USER, READ, "app/db", "123456789012", {})
    with pytest.raises(ValueError, match="allowed"):
        denied_message(request, Decision(True, Reason.ALLOWED_BY_IDENTITY))
