"""What the tests of this room share: a keyring, and plain readings of the specification to compare the code with."""

from __future__ import annotations

from collections.abc import Callable
from hmac import digest
from struct import pack, unpack_from

import pytest

from strongroom.keyring import Keyring, RootKey
from strongroom.world import Entropy, SystemEntropy, World


@pytest.fixture(scope="session")
def entropy() -> Entropy:
    """The machine's own: nothing that these tests say may depend on which random bytes come."""
    return SystemEntropy()


@pytest.fixture(scope="session")
def world() -> World:
    return World.real()


@pytest.fixture
def root_key(entropy: Entropy) -> RootKey:
    return RootKey.generate(entropy)


@pytest.fixture
def keyring(root_key: RootKey, world: World) -> Keyring:
    return Keyring(root_key, world)


@pytest.fixture(scope="session")
def counter_mode() -> Callable[[bytes, bytes, int], bytes]:
    """The KDF of NIST SP 800-108r1, section 4.1, written down step by step."""

    def derive(key: bytes, fixed: bytes, length: int) -> bytes:
        result = b""
        block = 0
        while len(result) < length:
            block += 1
            result += digest(key, pack(">I", block) + fixed, "sha256")
        return result[:length]

    return derive


@pytest.fixture(scope="session")
def decode_context() -> Callable[[bytes], dict[str, str]]:
    """The inverse of the encoding of a context. That there is one proves that no two contexts share an encoding."""

    def decode(encoded: bytes) -> dict[str, str]:
        texts = []
        (count,) = unpack_from(">I", encoded)
        position = 4
        for _ in range(2 * count):
            (length,) = unpack_from(">I", encoded, position)
            texts.append(encoded[position + 4 : position + 4 + length].decode("utf-8", "surrogatepass"))
            position += 4 + length
        assert position == len(encoded)
        return dict(zip(texts[::2], texts[1::2], strict=True))

    return decode
