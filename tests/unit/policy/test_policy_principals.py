"""Who a statement is about, and how closely."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.policy import MalformedPolicy, PrincipalFacts
from strongroom.policy.principals import Grade, PrincipalSet, compile_principals

A, B = "111122223333", "444455556666"
USER_ARN = f"arn:aws:iam::{A}:user/team/bob"
ROLE_ARN = f"arn:aws:iam::{A}:role/app"
SESSION_ARN = f"arn:aws:sts::{A}:assumed-role/app/one"
ROOT_ARN = f"arn:aws:iam::{A}:root"
USER = PrincipalFacts(USER_ARN, USER_ARN, A, "user", identifiers=frozenset({"AIDAAAAAAAAAAAAAAAAA"}))
SESSION = PrincipalFacts(ROLE_ARN, SESSION_ARN, A, "role-session", identifiers=frozenset({"AROAAAAAAAAAAAAAAAAA"}))
ROOT = PrincipalFacts(ROOT_ARN, ROOT_ARN, A, "root")
SERVICE = PrincipalFacts("", "", "", "service", service="secretsmanager.amazonaws.com")
ANONYMOUS = PrincipalFacts("", "", "", "anonymous")
EVERY = (USER, SESSION, ROOT, SERVICE, ANONYMOUS)
N, ACC, R, D, ANY = Grade.NOBODY, Grade.ACCOUNT, Grade.ROLE, Grade.DIRECT, Grade.ANYONE


def parsed(element: Any, *, inverted: bool = False, ids: dict[str, str] | None = None) -> PrincipalSet:
    return compile_principals(element, inverted=inverted, ids=ids or {})


@pytest.mark.parametrize(
    ("element", "grades"),
    [
        ("*", (ANY, ANY, ANY, ANY, ANY)),
        ({"AWS": "*"}, (ANY, ANY, ANY, ANY, ANY)),
        ({"AWS": A}, (ACC, ACC, D, N, N)),
        ({"AWS": ROOT_ARN}, (ACC, ACC, D, N, N)),
        ({"AWS": B}, (N, N, N, N, N)),
        ({"AWS": USER_ARN}, (D, N, N, N, N)),
        ({"AWS": USER_ARN.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("USER/", "user/")}, (N, N, N, N, N)),
        ({"AWS": [USER_ARN, A]}, (D, ACC, D, N, N)),
        ({"AWS": ROLE_ARN}, (N, R, N, N, N)),
        ({"AWS": SESSION_ARN}, (N, D, N, N, N)),
        ({"AWS": [ROLE_ARN, SESSION_ARN]}, (N, D, N, N, N)),
        ({"AWS": f"{SESSION_ARN}x"}, (N, N, N, N, N)),
        ({"AWS": "AIDAAAAAAAAAAAAAAAAA"}, (D, N, N, N, N)),
        ({"AWS": "AROAAAAAAAAAAAAAAAAA"}, (N, R, N, N, N)),
        ({"AWS": "AIDABBBBBBBBBBBBBBBB"}, (N, N, N, N, N)),
        ({"Service": "secretsmanager.amazonaws.com"}, (N, N, N, D, N)),
        ({"Service": ["rds.amazonaws.com"]}, (N, N, N, N, N)),
        ({"Federated": "accounts.google.com", "CanonicalUser": "79a5"}, (N, N, N, N, N)),
    ],
)
def test_grades(element: Any, grades: tuple[Grade, ...]) -> None:
    principals = parsed(element)
    assert tuple(principals.grade(who) for who in EVERY) == grades
    assert tuple(principals.denies(who, bounded=False) for who in EVERY) == tuple(grade is not N for grade in grades)
    inverted = parsed(element, inverted=True)
    assert tuple(inverted.grade(who) for who in EVERY) == tuple(ANY if grade is N else N for grade in grades)


@pytest.mark.parametrize(
    ("names", "spared"),
    [
        ([USER_ARN], []),
        ([A], [ROOT]),
        ([USER_ARN, ROOT_ARN], [USER, ROOT]),
        ([SESSION_ARN, ROOT_ARN], [ROOT]),
        ([ROLE_ARN, ROOT_ARN], [ROOT]),
        ([SESSION_ARN, ROLE_ARN, ROOT_ARN], [SESSION, ROOT]),
        ([USER_ARN, B], []),
        (["*"], list(EVERY)),
    ],
)
def test_not_principal_with_deny_spares_who_is_named_in_full(names: list[str], spared: list[PrincipalFacts]) -> None:
    principals = parsed({"AWS": names}, inverted=True)
    assert [who for who in EVERY if not principals.denies(who, bounded=False)] == spared
    assert all(principals.denies(who, bounded=True) for who in EVERY)


def test_not_principal_spares_a_named_service() -> None:
    principals = parsed({"Service": "secretsmanager.amazonaws.com"}, inverted=True)
    assert [who for who in EVERY if not principals.denies(who, bounded=False)] == [SERVICE]


def test_an_arn_can_stand_for_a_unique_id() -> None:
    ids = {USER_ARN: "AIDAAAAAAAAAAAAAAAAA"}
    remade = PrincipalFacts(USER_ARN, USER_ARN, A, "user", identifiers=frozenset({"AIDABBBBBBBBBBBBBBBB"}))
    principals = parsed({"AWS": USER_ARN}, ids=ids)
    assert principals.grade(USER) is D
    assert principals.grade(remade) is N
    assert parsed({"AWS": USER_ARN}).grade(remade) is D


@pytest.mark.parametrize(
    "element",
    [
        "",
        "arn:aws:iam::111122223333:root",
        {},
        {"AWS": []},
        {"AWS": ["*"], "Aws": "*"},
        {"Service": "*"},
        {"Service": "secretsmanager"},
        {"Service": ["*.amazonaws.com"]},
        {"Federated": "*"},
        {"Federated": ""},
        {"AWS": ""},
        {"AWS": "12345"},
        {"AWS": "bob"},
        {"AWS": 111122223333},
        {"AWS": f"arn:aws:iam::{A}:user/*"},
        {"AWS": f"arn:aws:iam::{A}:user/bo?"},
        {"AWS": "arn:aws:iam::*:root"},
        {"AWS": f"arn:aws:iam::{A}:*"},
        {"AWS": f"arn:aws:iam::{A}:group/admins"},
        {"AWS": f"arn:aws:iam::{A}:user/"},
        {"AWS": f"arn:aws:iam:eu-west-1:{A}:user/bob"},
        {"AWS": f"arn:aws:sts::{A}:assumed-role/app"},
        {"AWS": f"arn:aws:sts::{A}:assumed-role/app/*"},
        {"AWS": f"arn:aws:sts::{A}:assumed-role/app/one/two"},
        {"AWS": f"arn:aws:s3::{A}:user/bob"},
        {"AWS": {"x": "y"}},
        None,
    ],
)
def test_what_is_not_a_principal(element: Any) -> None:
    with pytest.raises(MalformedPolicy):
        parsed(element)


def test_a_bad_principal_is_named() -> None:
    with pytest.raises(MalformedPolicy, match='Invalid principal in policy: "AWS":"bob"'):
        parsed({"AWS": "bob"})
