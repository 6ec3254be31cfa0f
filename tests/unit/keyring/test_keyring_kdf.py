"""The KDF against its specification, read independently with plain HMAC, and against NIST's own vector."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from strongroom.keyring.kdf import derive

CounterMode = Callable[[bytes, bytes, int], bytes]


def test_the_oracle_gives_the_vector_of_the_nist_validation_program(
    counter_mode: CounterMode,
) -> None:
    # CAVP KBKDF, counter mode, HMAC_SHA256, counter before the fixed data, 32-bit counter, count 30 (two blocks).
    key = bytes.fromhex("c4bedbddb66493e7c7259a3bbbc25f8c7e0ca7fe284d92d431d9cd99a0d214ac")
    fixed = bytes.fromhex(
        "1c69c54766791e315c2cc5c47ecd3ffab87d0d273dd920e70955814c220eacac"
        "e6a5946542da3dfe24ff626b4897898cafb7db83bdff3c14fa46fd4b"
    )
    expected = "1da47638d6c9c4d04d74d4640bbd42ab814d9e8cc22f4326695239f96b0693f12d0dd1152cf44430"
    assert counter_mode(key, fixed, 40).hex() == expected


@given(
    key=st.binary(min_size=32, max_size=32),
    label=st.binary(min_size=1, max_size=40).filter(lambda label: 0 not in label),
    context=st.binary(max_size=100),
    length=st.integers(1, 100),
)
def test_derive_is_counter_mode_over_label_context_and_length(
    counter_mode: CounterMode, key: bytes, label: bytes, context: bytes, length: int
) -> None:
    fixed = label + b"\0" + context + pack(">I", length * 8)
    assert derive(key, label, context, length) == counter_mode(key, fixed, length)


def test_another_label_context_or_length_gives_another_key() -> None:
    key = bytes(32)
    outputs = {
        derive(key, b"a", b"b", 32),
        derive(key, b"a", b"c", 32),
        derive(key, b"b", b"b", 32),
        derive(key, b"a", b"b", 64)[:32],
        derive(bytes([1] * 32), b"a", b"b", 32),
    }
    assert len(outputs) == 5
