"""Session tokens: whole inside, and good for nobody else."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.identity.sessions import (
    Federation,
    SessionFacts,
    UserSessionFacts,
    mint_session,
    mint_user_session,
    open_session,
)
from strongroom.keyring import Keyring, RootKey
from strongroom.world import World

WORLD = World.real()
KEYRING = Keyring(RootKey.generate(WORLD.entropy), WORLD)
PLAIN = SessionFacts("123456789012", "AROAAAAAAAAAAAAAAAAAA", "me", 1_000, 2_000)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
sessions = st.builds(
    SessionFacts,
    account=st.from_regex("[0-9]{12}", fullmatch=True),
    role_id=texts,
    name=texts,
    issued_ms=st.integers(0, 2**48),
    expires_ms=st.integers(0, 2**48),
    policy=st.none() | texts,
    policy_arns=st.lists(texts, max_size=3).map(tuple),
    tags=st.dictionaries(texts, texts, max_size=3),
    transitive_keys=st.lists(texts, max_size=3).map(tuple),
    source_identity=st.none() | texts,
    federation=st.none()
    | st.builds(Federation, texts, st.dictionaries(texts, texts | st.lists(texts).map(tuple), max_size=3)),
)

user_sessions = st.builds(
    UserSessionFacts,
    account=st.from_regex("[0-9]{12}", fullmatch=True),
    user_id=texts,
    key_id=texts,
    issued_ms=st.integers(0, 2**48),
    expires_ms=st.integers(0, 2**48),
    name=st.none() | texts,
    policy=st.none() | texts,
    policy_arns=st.lists(texts, max_size=3).map(tuple),
    tags=st.dictionaries(texts, texts, max_size=3),
)


@given(sessions)
def test_what_goes_into_a_token_comes_out(facts: SessionFacts) -> None:
    minted = mint_session(KEYRING, WORLD.entropy, facts)
    assert open_session(KEYRING, minted.key.access_key_id, minted.token) == minted


@given(user_sessions)
def test_what_goes_into_a_token_of_a_user_comes_out(facts: UserSessionFacts) -> None:
    minted = mint_user_session(KEYRING, WORLD.entropy, facts)
    assert open_session(KEYRING, minted.key.access_key_id, minted.token) == minted
    assert minted.key.secret_access_key not in repr(minted)


@pytest.mark.parametrize("shortest", [0, 1, 100, 1000, 4095, 4096])
def test_a_token_can_be_made_longer(shortest: int) -> None:
    minted = mint_session(KEYRING, WORLD.entropy, PLAIN, shortest_token=shortest)
    assert len(minted.token) >= shortest
    assert open_session(KEYRING, minted.key.access_key_id, minted.token) == minted


def test_nothing_secret_stands_in_the_token_or_in_repr() -> None:
    minted = mint_session(KEYRING, WORLD.entropy, PLAIN)
    assert minted.key.secret_access_key not in repr(minted)
    assert minted.token not in repr(minted)
    assert minted.key.secret_access_key.encode() not in b64decode(minted.token)


def _refuse(key_id: str, token: str, keyring: Keyring = KEYRING) -> None:
    with pytest.raises(AwsError) as caught:
        open_session(keyring, key_id, token)
    assert caught.value.code == "UnrecognizedClientException"
    assert caught.value.message == "The security token included in the request is invalid."


@given(st.data())
def test_attack_06_a_changed_token_is_refused(data: st.DataObject) -> None:
    minted = mint_session(KEYRING, WORLD.entropy, PLAIN)
    sealed = bytearray(b64decode(minted.token))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    _refuse(minted.key.access_key_id, b64encode(sealed).decode())


@given(st.text(max_size=80))
def test_attack_06_any_text_is_refused(text: str) -> None:
    _refuse("ASIAAAAAAAAAAAAAAAAA", text)


def test_attack_06_a_token_of_another_key_or_installation_is_refused() -> None:
    minted = mint_session(KEYRING, WORLD.entropy, PLAIN)
    _refuse(mint_session(KEYRING, WORLD.entropy, PLAIN).key.access_key_id, minted.token)
    _refuse(minted.key.access_key_id, minted.token, Keyring(RootKey.generate(WORLD.entropy), WORLD))


def test_a_token_is_not_confused_with_other_things_the_system_seals() -> None:
    minted = mint_session(KEYRING, WORLD.entropy, PLAIN)
    context = {"AccessKeyId": minted.key.access_key_id}
    other = KEYRING.seal_system("access-key", b"{}", context)
    _refuse(minted.key.access_key_id, b64encode(other).decode())
    for later in (b'{"format":3,"secret":"x"}', b'{"format":2,"secret":"x"}', b'{"format":1,"secret":"x"}', b"[]"):
        sealed = KEYRING.seal_system("session-token", later, context)
        _refuse(minted.key.access_key_id, b64encode(sealed).decode())
