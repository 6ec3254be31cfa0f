"""The pkcs11 seal on SoftHSM2 (Debian package softhsm2). Each test has a token of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from tests.support.softhsm import MODULE, PIN, needs_softhsm, new_token
from tests.unit.keyring.test_keyring_seals import refusal

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import Pkcs11Seal, TokenPlace
from strongroom.world import Entropy

pytestmark = needs_softhsm


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenPlace]:
    """A new token, and the name of a key that it does not have yet."""
    found, environment = new_token(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield found
    pkcs11.unload(MODULE)


def seal(place: TokenPlace, entropy: Entropy, pin: bytes = PIN) -> Pkcs11Seal:
    return Pkcs11Seal(place, lambda: pin, entropy)


def test_the_token_opens_what_it_sealed(place: TokenPlace, root_key: RootKey, entropy: Entropy) -> None:
    entry = seal(place, entropy).seal(root_key)
    assert TokenPlace.of(entry) == place
    assert seal(place, entropy).open(entry).expose() == root_key.expose()
    again = seal(place, entropy).seal(RootKey.generate(entropy))  # with the key that is there now
    assert again.parameters["wrapped_root_key"] != entry.parameters["wrapped_root_key"]
    assert seal(place, entropy).open(entry).expose() == root_key.expose()


def test_the_key_cannot_leave_the_token(place: TokenPlace, root_key: RootKey, entropy: Entropy) -> None:
    seal(place, entropy).seal(root_key)
    with pkcs11.lib(MODULE).get_token(token_label="vault").open(user_pin=PIN.decode()) as session:
        [key] = session.get_objects({pkcs11.Attribute.LABEL: "strongroom"})
        assert (key[pkcs11.Attribute.SENSITIVE], key[pkcs11.Attribute.EXTRACTABLE]) == (True, False)
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]


def test_a_key_that_can_be_read_out_is_refused(place: TokenPlace, root_key: RootKey, entropy: Entropy) -> None:
    with pkcs11.lib(MODULE).get_token(token_label="vault").open(rw=True, user_pin=PIN.decode()) as session:
        session.generate_key(
            pkcs11.KeyType.GENERIC_SECRET,
            256,
            label="strongroom",
            store=True,
            capabilities=pkcs11.MechanismFlag.SIGN,
            template={pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False},
        )
    assert "not fit for a root key" in refusal(lambda: seal(place, entropy).seal(root_key))


def test_a_wrong_pin_token_or_library_is_told(place: TokenPlace, root_key: RootKey, entropy: Entropy) -> None:
    entry = seal(place, entropy).seal(root_key)
    for other in (
        seal(place, entropy, b"000000"),
        seal(replace(place, token="missing"), entropy),
        seal(replace(place, module="/missing.so"), entropy),
    ):
        assert "could not be used" in refusal(lambda other=other: other.open(entry), PIN, root_key.expose())  # type: ignore[misc]
    assert "not text" in refusal(lambda: seal(place, entropy, b"\xff").open(entry))
    assert "no secret key called" in refusal(lambda: seal(replace(place, key="missing"), entropy).open(entry))


def test_a_changed_entry_or_another_key_does_not_open(place: TokenPlace, root_key: RootKey, entropy: Entropy) -> None:
    entry = seal(place, entropy).seal(root_key)
    other = replace(place, key="other")
    seal(other, entropy).seal(root_key)
    assert "does not open" in refusal(lambda: seal(other, entropy).open(entry))
    salt = str(entry.parameters["salt"])
    changed = replace(entry, parameters={**entry.parameters, "salt": salt[:-1] + ("0" if salt[-1] != "0" else "1")})
    assert "does not open" in refusal(lambda: seal(place, entropy).open(changed))
    with pytest.raises(OperatorError, match="is damaged"):
        seal(place, entropy).open(replace(entry, parameters={**entry.parameters, "salt": "00"}))
