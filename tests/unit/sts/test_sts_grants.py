"""What a caller may ask a session to be."""

from __future__ import annotations

import pytest

from strongroom.errors import AwsError
from strongroom.identity.caller import NO_POLICIES, Caller
from strongroom.identity.directory import Role
from strongroom.policy import PrincipalFacts
from strongroom.services.sts.grants import (
    packed_size,
    session_seconds,
    session_source_identity,
    session_tags,
    transitive_keys,
)

ACCOUNT = "123456789012"


def _role(longest: int = 43_200) -> Role:
    return Role(ACCOUNT, "app", "/", "AROAAAAAAAAAAAAAAAAAA", 0, None, None, "{}", longest)


def _caller(*, chained: bool = False, tags: dict[str, str] | None = None, source: str | None = None) -> Caller:
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    facts = PrincipalFacts(arn, arn, ACCOUNT, "role-session" if chained else "user")
    return Caller(facts, NO_POLICIES, {}, {}, transitive_tags=tags or {}, source_identity=source)


def _tags(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


@pytest.mark.parametrize(
    ("asked", "longest", "chained", "seconds"),
    [(None, 3600, False, 3600), (900, 3600, False, 900), (43_200, 43_200, False, 43_200), (3600, 43_200, True, 3600)],
)
def test_how_long(asked: int | None, longest: int, chained: bool, seconds: int) -> None:
    assert session_seconds(asked, _role(longest), _caller(chained=chained)) == seconds


@pytest.mark.parametrize(
    ("asked", "longest", "chained", "text"),
    [(3601, 3600, False, "MaxSessionDuration"), (3601, 43_200, True, "role chaining"), (3601, 3600, True, "chaining")],
)
def test_too_long(asked: int, longest: int, chained: bool, text: str) -> None:
    with pytest.raises(AwsError, match=text) as caught:
        session_seconds(asked, _role(longest), _caller(chained=chained))
    assert caught.value.code == "ValidationError"


def test_transitive_tags_are_inherited_and_stay() -> None:
    caller = _caller(chained=True, tags={"Team": "blue"})
    tags = session_tags(_tags(stage="x"), caller)
    assert tags == {"Team": "blue", "stage": "x"}
    assert transitive_keys(["STAGE"], tags, caller) == ("Team", "stage")
    assert transitive_keys(None, tags, caller) == ("Team",)


@pytest.mark.parametrize("tags", [_tags(team="red"), _tags(a="1", A="2"), [{"Key": "aws:x", "Value": "1"}]])
def test_tags_that_are_refused(tags: list[dict[str, str]]) -> None:
    with pytest.raises(AwsError) as caught:
        session_tags(tags, _caller(chained=True, tags={"Team": "blue"}))
    assert caught.value.code == "InvalidParameterValue"


def test_only_tags_of_the_session_can_be_transitive() -> None:
    with pytest.raises(AwsError, match="transitive tag key"):
        transitive_keys(["other"], {"stage": "x"}, _caller())


def test_a_source_identity_can_be_set_once() -> None:
    assert session_source_identity(None, _caller()) is None
    assert session_source_identity("ann", _caller()) == "ann"
    assert session_source_identity(None, _caller(chained=True, source="ann")) == "ann"
    assert session_source_identity("ann", _caller(chained=True, source="ann")) == "ann"
    with pytest.raises(AwsError):
        session_source_identity("bob", _caller(chained=True, source="ann"))


def test_policies_and_tags_have_a_limit_together() -> None:
    assert packed_size(None, (), {}) is None
    assert packed_size("{}", (), {}) == 1
    assert packed_size("x" * 2000, (), {}) == 50
    with pytest.raises(AwsError) as caught:
        packed_size("x" * 4000, (), {"key": "v" * 200})
    assert caught.value.code == "PackedPolicyTooLarge"
