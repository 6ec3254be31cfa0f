"""GetRandomPassword's generator."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.services.secretsmanager.passwords import character_types, generate_password
from strongroom.world import SystemEntropy

ALL = character_types(lowercase=True, uppercase=True, numbers=True, punctuation=True, excluded="")


@given(st.integers(5, 200))
def test_a_password_holds_every_required_type(length: int) -> None:
    password = generate_password(ALL, length, each_type=True, entropy=SystemEntropy())
    assert len(password) == length
    assert all(set(password) & set(letters) for letters in ALL)


@given(st.text(alphabet=string.printable, max_size=60))
def test_excluded_characters_never_appear(excluded: str) -> None:
    types = character_types(lowercase=True, uppercase=True, numbers=True, punctuation=True, excluded=excluded)
    if types:
        password = generate_password(types, 64, each_type=True, entropy=SystemEntropy())
        assert not set(password) & set(excluded)


def test_types_can_be_left_out() -> None:
    types = character_types(lowercase=False, uppercase=False, numbers=True, punctuation=False, excluded="")
    assert generate_password(types, 40, each_type=True, entropy=SystemEntropy()).isdigit()


def test_a_length_below_the_number_of_required_types_is_refused() -> None:
    with pytest.raises(AwsError, match="Password length is too short based on the required types") as caught:
        generate_password(ALL, 3, each_type=True, entropy=SystemEntropy(), optional=" ")
    assert caught.value.code == "InvalidParameterException"
    assert len(generate_password(ALL, 3, each_type=False, entropy=SystemEntropy())) == 3


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(AwsError, match="InvalidParameterException"):
        generate_password([], 8, each_type=True, entropy=SystemEntropy())


def test_the_space_may_stand_in_a_password_and_need_not() -> None:
    passwords = [generate_password(ALL, 12, each_type=True, entropy=SystemEntropy(), optional=" ") for _ in range(400)]
    assert 0 < sum(" " in password for password in passwords) < 400
    assert generate_password([], 3, each_type=True, entropy=SystemEntropy(), optional=" ") == "   "


def test_every_place_can_hold_every_type() -> None:
    first = {generate_password(ALL, 5, each_type=True, entropy=SystemEntropy())[0] for _ in range(400)}
    assert all(first & set(letters) for letters in ALL)
