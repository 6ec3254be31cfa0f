"""Attack 18: ciphertexts that were flipped, cut, joined and swapped. None of them ever opens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.harness_kms import ACCOUNT, REGION, KmsHarness

from strongroom.errors import AwsError
from strongroom.keyring import inspect

CONTEXT = {"SecretARN": "a", "SecretVersionId": "b"}
OVERHEAD = 32 + 32 + 16  # nonce, commitment and tag


@dataclass(frozen=True)
class Sealed:
    """Ciphertexts of several keys, materials, contexts and lengths, with what they hold."""

    kms: KmsHarness
    plaintexts: dict[bytes, bytes]

    @property
    def ciphertexts(self) -> list[bytes]:
        return list(self.plaintexts)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    kms = KmsHarness(tmp_path_factory.mktemp("kms"))
    found: dict[bytes, bytes] = {}

    async def seal() -> None:
        keys = [await kms.make_key(), await kms.make_key(), await kms.make_key(MultiRegion=True)]
        for turn in range(2):
            for arn in keys:
                for plaintext in (b"%d" % turn, bytes(32)):
                    answer: Any = await kms.kms.encrypt(
                        await kms.call(), KeyId=arn, Plaintext=plaintext, EncryptionContext=CONTEXT
                    )
                    found[answer["CiphertextBlob"]] = plaintext
            await kms.kms.rotate_key_on_demand(await kms.call(), KeyId=keys[0])

    asyncio.run(seal())
    yield Sealed(kms, found)
    kms.store.close()


def opened(sealed: Sealed, ciphertext: bytes, **others: Any) -> bytes:
    async def run() -> Any:
        request = {"EncryptionContext": CONTEXT, **others}
        return await sealed.kms.kms.decrypt(await sealed.kms.call(), CiphertextBlob=ciphertext, **request)

    plaintext: bytes = asyncio.run(run())["Plaintext"]
    return plaintext


def refuses(sealed: Sealed, ciphertext: bytes, **others: Any) -> bool:
    """Whether it is refused as no good ciphertext, or as one that claims to be of another account."""
    try:
        opened(sealed, ciphertext, **others)
    except AwsError as refused:
        if refused.code == "AccessDeniedException":
            return f":{ACCOUNT}:" not in inspect(ciphertext).key_arn
        return refused.code == "InvalidCiphertextException"
    return False


def test_what_was_not_touched_opens(sealed: Sealed) -> None:
    for ciphertext, plaintext in sealed.plaintexts.items():
        assert opened(sealed, ciphertext) == plaintext


def test_every_bit_of_a_ciphertext_matters(sealed: Sealed) -> None:
    ciphertext = sealed.ciphertexts[0]
    for position in range(len(ciphertext)):
        flipped = bytearray(ciphertext)
        flipped[position] ^= 1 << position % 8
        assert refuses(sealed, bytes(flipped)), position


def test_every_cut_of_a_ciphertext_is_refused(sealed: Sealed) -> None:
    ciphertext = sealed.ciphertexts[0]
    assert all(refuses(sealed, ciphertext[:length]) for length in range(1, len(ciphertext)))
    assert all(refuses(sealed, ciphertext[start:]) for start in range(1, len(ciphertext), 3))


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, int, int, bytes]]:
    """A few changes: what, where, how much, and with what bytes."""
    kinds = ("flip", "cut", "insert", "overwrite", "repeat", "splice", "join", "swap")
    one = st.tuples(st.sampled_from(kinds), st.integers(0, 400), st.integers(1, 64), st.binary(min_size=1, max_size=32))
    return draw(st.lists(one, min_size=1, max_size=4))


def mutated(ciphertext: bytes, other: bytes, changes: list[tuple[str, int, int, bytes]]) -> bytes:
    for kind, where, much, filling in changes:
        at = where % (len(ciphertext) + 1)
        before, after = ciphertext[:at], ciphertext[at:]
        if kind == "flip" and after:
            ciphertext = before + bytes([after[0] ^ (much % 255 + 1)]) + after[1:]
        elif kind == "cut":
            ciphertext = before + after[much:]
        elif kind == "insert":
            ciphertext = before + filling + after
        elif kind == "overwrite":
            ciphertext = before + filling + after[len(filling) :]
        elif kind == "repeat":
            ciphertext = before + after[:much] + after
        elif kind == "splice":
            ciphertext = before + other[at:]
        elif kind == "join":
            ciphertext = ciphertext + other
        elif kind == "swap":
            ciphertext = before + after[much:] + after[:much]
    return ciphertext


@settings(max_examples=250, deadline=None)
@given(st.data(), mutations())
def test_no_mutation_opens(sealed: Sealed, data: st.DataObject, changes: list[tuple[str, int, int, bytes]]) -> None:
    choice = st.sampled_from(sealed.ciphertexts)
    forged = mutated(data.draw(choice), data.draw(choice), changes)
    if not forged or forged in sealed.plaintexts:
        return
    assert refuses(sealed, forged)


def test_the_parts_of_two_ciphertexts_do_not_fit_together(sealed: Sealed) -> None:
    for one in sealed.ciphertexts:
        for other in sealed.ciphertexts:
            if one == other:
                continue
            for length in (len(one) - OVERHEAD, 32, 64, 16):
                forged = one[:-length] + other[-length:]
                if forged not in sealed.plaintexts:
                    assert refuses(sealed, forged)


def test_a_ciphertext_opens_under_its_own_key_and_in_its_own_context_only(sealed: Sealed) -> None:
    for ciphertext in sealed.ciphertexts:
        assert refuses(sealed, ciphertext, EncryptionContext={**CONTEXT, "more": ""})
        assert refuses(sealed, ciphertext, EncryptionContext={})
        for other in sealed.ciphertexts:
            arn = inspect(other).key_arn.replace(":kms::", f":kms:{REGION}:")
            if inspect(other).key_arn != inspect(ciphertext).key_arn:
                with pytest.raises(AwsError, match="IncorrectKeyException"):
                    opened(sealed, ciphertext, KeyId=arn)
