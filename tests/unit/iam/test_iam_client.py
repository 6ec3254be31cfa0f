"""What other services ask of IAM: handing over a role, and credentials of one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.support.harness_identity import ACCOUNT, TRUST_ACCOUNT, IdentityHarness

from strongroom.errors import AccessDenied, AwsError
from strongroom.identity import AccessKey, Caller
from strongroom.identity.sessions import SessionFacts
from strongroom.services.iam import IamServiceClient
from strongroom.services.iam.owner_policies import put_inline
from strongroom.services.iam.owners import ROLE, delete_owner

SERVICE = "lambda.amazonaws.com"
TRUST_LAMBDA = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture
def client(house: IdentityHarness) -> IamServiceClient:
    return IamServiceClient(house.store, house.keyring, house.world)


def _allowed(house: IdentityHarness, *resources: str, service: str = SERVICE) -> Caller:
    """Somebody who may hand some roles to one service. A session, because that needs no key in the store."""
    role = house.role(f"somebody-{len(resources)}")
    statement = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": list(resources) or "arn:aws:iam::*:role/none",
        "Condition": {"StringEquals": {"iam:PassedToService": service}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    house.write(lambda transaction: put_inline(transaction, role.role_id, "pass", document))
    session = house.session(SessionFacts.of(role, "me", house.clock.now_ms, 900))
    return house.authenticate(session.key, session.token)


def _pass(house: IdentityHarness, client: IamServiceClient, caller: Caller, role_arn: str) -> None:
    call = house.call("lambda", "CreateFunction", caller)
    house.store.read_now(lambda transaction: client.authorize_pass_role(transaction, call, role_arn, SERVICE))
    assert call.progress.decided


def _refusal(action: Callable[[], object]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        action()
    return caught.value


def test_attack_08_a_role_is_handed_over_by_those_who_may_only(
    house: IdentityHarness, client: IamServiceClient
) -> None:
    role = house.role("runner", TRUST_LAMBDA, "/fn/")
    _pass(house, client, _allowed(house, role.arn), role.arn)
    other = f"arn:aws:iam::{ACCOUNT}:role/other"
    for caller in (_allowed(house), _allowed(house, other, other, service="ec2.amazonaws.com")):
        assert isinstance(_refusal(lambda caller=caller: _pass(house, client, caller, role.arn)), AccessDenied)  # type: ignore[misc]


def test_a_role_of_another_account_cannot_be_handed_over(house: IdentityHarness, client: IamServiceClient) -> None:
    caller = _allowed(house, "*")
    error = _refusal(lambda: _pass(house, client, caller, "arn:aws:iam::210987654321:role/runner"))
    assert isinstance(error, AccessDenied)
    assert error.message == "Cross-account pass role is not allowed."


def test_a_role_that_does_not_trust_the_service_is_no_use(house: IdentityHarness, client: IamServiceClient) -> None:
    caller = _allowed(house, "*")
    untrusting = house.role("untrusting", TRUST_ACCOUNT)
    for arn in (untrusting.arn, f"arn:aws:iam::{ACCOUNT}:role/missing"):
        error = _refusal(lambda arn=arn: _pass(house, client, caller, arn))  # type: ignore[misc]
        assert error.code == "InvalidParameterValueException"
        assert error.message == "The role defined for the function cannot be assumed by Lambda."


def test_credentials_for_a_function_work_and_end(house: IdentityHarness, client: IamServiceClient) -> None:
    role = house.role("runner", TRUST_LAMBDA)

    def credentials() -> Caller:
        made = house.store.read_now(
            lambda transaction: client.service_session(
                transaction, role.arn, SERVICE, "rotate-db", 900, house.clock.now_ms
            )
        )
        assert made.expires_ms == house.clock.now_ms + 900_000
        assert made.secret_access_key not in repr(made)
        return house.authenticate(AccessKey(made.access_key_id, made.secret_access_key), made.session_token)

    assert credentials().arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/rotate-db"
    house.write(lambda transaction: delete_owner(transaction, ROLE, role.role_id))
    assert _refusal(credentials).code == "AccessDeniedException"
