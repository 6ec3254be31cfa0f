"""The keyed HMAC against the standard library's."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from strongroom.keyring.keyed_hmac import KeyedHmac


@given(key=st.binary(max_size=150), messages=st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_every_message_under_one_key_has_the_standard_code(key: bytes, messages: list[bytes]) -> None:
    keyed = KeyedHmac(key)
    for message in messages:
        assert keyed.digest(message) == hmac.digest(key, message, "sha256")
        assert keyed.hexdigest(message) == hmac.digest(key, message, "sha256").hex()
