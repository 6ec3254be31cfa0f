"""Master passwords: made, and demanded."""

from __future__ import annotations

import string

import pytest

from strongroom.errors import AwsError
from strongroom.services.rds.passwords import generate_password, require_password
from strongroom.world import SystemEntropy


def test_made_passwords_hold_every_kind_and_are_ones_that_rds_takes() -> None:
    made = {generate_password(SystemEntropy()) for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert len(password) == 28
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation):
            assert set(password) & set(kind), password
        assert not set(password) & set("/@\"' \\&:;`")
        for engine in ("postgres", "mysql"):
            require_password(engine, password)


@pytest.mark.parametrize(
    ("engine", "password", "word"),
    [
        ("postgres", "seven77", "shorter than 8"),
        ("postgres", "x" * 129, "longer than 128"),
        ("mariadb", "x" * 42, "longer than 41"),
        ("mysql", "with/slash", "printable ASCII"),
        ("mysql", "with@sign", "printable ASCII"),
        ("mysql", 'with"quote', "printable ASCII"),
        ("mysql", "with blank", "printable ASCII"),
        ("mysql", "with-ümlaut", "printable ASCII"),
    ],
)
def test_what_rds_does_not_take(engine: str, password: str, word: str) -> None:
    with pytest.raises(AwsError, match=word) as caught:
        require_password(engine, password)
    assert password not in str(caught.value)


def test_the_longest_and_the_shortest() -> None:
    require_password("postgres", "x" * 128)
    require_password("mysql", "x" * 41)
    require_password("mysql", "'x\\%s;-#")
