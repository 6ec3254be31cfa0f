"""Shares of the root key: the published vectors of SLIP-39, and what of shares opens what."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from shamir_mnemonic import MnemonicError, combine_mnemonics  # type: ignore[import-untyped]
from tests.unit.keyring.test_keyring_seals import refusal

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import NotAShare, SealEntry, ShareCollector, ShareSet, SharesSeal, new_share_set
from strongroom.world import Entropy

# From the test vectors that SLIP-39 publishes, section "Test vectors": 2 of 3 shares of 256 bits. Passphrase: TREZOR.
VECTOR = (
    "humidity disease academic always aluminum jewelry energy woman receiver strategy amuse duckling lying evidence "
    "network walnut tactics forget hairy rebound impulse brother survive clothes stadium mailman rival ocean reward "
    "venture always armed unwrap",
    "humidity disease academic agency actress jacket gross physics cylinder solution fake mortgage benefit public busy "
    "prepare sharp friar change work slow purchase ruler again tricycle involve viral wireless mixture anatomy desert "
    "cargo upgrade",
)
VECTOR_SECRET = "c938b319067687e990e05e0da0ecce1278f75ff58d9853f19dcaeed5de104aae"
WRONG_CHECKSUM = (
    "theory painting academic academic armed sweater year military elder discuss acne wildlife boring employer fused "
    "large satoshi bundle carbon diagnose anatomy hamster leaves tracks paces beyond phantom capital marvel lips brave "
    "detect lunar"
)


def test_the_published_vectors() -> None:
    assert combine_mnemonics(VECTOR, b"TREZOR").hex() == VECTOR_SECRET
    for wrong in ([VECTOR[0]], [WRONG_CHECKSUM]):
        with pytest.raises(MnemonicError):
            combine_mnemonics(wrong, b"TREZOR")


@pytest.fixture(scope="module")
def made(entropy: Entropy) -> tuple[ShareSet, tuple[str, ...]]:
    """A set of five shares, three of which open."""
    return new_share_set(3, 5, entropy)


def give(entry: SealEntry, *shares: str) -> ShareCollector:
    collector = ShareCollector(entry)
    for share in shares:
        collector.give(share)
    return collector


def test_any_three_of_five_open(made: tuple[ShareSet, tuple[str, ...]], root_key: RootKey, entropy: Entropy) -> None:
    share_set, shares = made
    entry = SharesSeal(share_set, entropy).seal(root_key)
    assert ShareSet.of(entry) == share_set
    for chosen in combinations(shares, 3):
        collector = give(entry, *chosen)
        assert collector.needed == 0
        assert SharesSeal(share_set, entropy, collector).open(entry).expose() == root_key.expose()


def test_fewer_do_not_and_the_same_one_counts_once(
    made: tuple[ShareSet, tuple[str, ...]], root_key: RootKey, entropy: Entropy
) -> None:
    share_set, shares = made
    entry = SharesSeal(share_set, entropy).seal(root_key)
    collector = give(entry, shares[0], shares[0].upper(), f"  {shares[0].replace(' ', '  ')}\n")
    assert collector.needed == 2
    collector.give(shares[1])
    assert "Shares of the root key are missing" in refusal(
        lambda: SharesSeal(share_set, entropy, collector).open(entry), root_key.expose()
    )


@pytest.mark.parametrize("text", ["", "academic", *VECTOR, WRONG_CHECKSUM, "x" * 5000, "\udcff", "a\0b"])
def test_a_text_that_is_no_share_changes_nothing(
    made: tuple[ShareSet, tuple[str, ...]], root_key: RootKey, entropy: Entropy, text: str
) -> None:
    share_set, shares = made
    entry = SharesSeal(share_set, entropy).seal(root_key)
    collector = give(entry, *shares[:2])
    with pytest.raises(NotAShare) as caught:
        collector.give(text)
    assert not text or text not in caught.value.diagnostics()
    assert collector.needed == 1
    collector.give(shares[4])
    assert collector.open(entry).expose() == root_key.expose()


def test_the_next_root_key_is_sealed_to_the_same_shares(
    made: tuple[ShareSet, tuple[str, ...]], root_key: RootKey, entropy: Entropy
) -> None:
    share_set, shares = made
    first = SharesSeal(share_set, entropy).seal(root_key)
    successor = RootKey.generate(entropy)
    second = SharesSeal(ShareSet.of(first), entropy).seal(successor)
    assert give(second, *shares[2:]).open(second).expose() == successor.expose()
    assert not {"root_key_id", "wrapped_root_key"} & {
        name for name, value in second.parameters.items() if first.parameters[name] == value
    }


@pytest.mark.parametrize("name", ["threshold", "public_key", "share_digests", "ephemeral_key", "wrapped_root_key"])
def test_a_changed_entry_does_not_open(
    made: tuple[ShareSet, tuple[str, ...]], root_key: RootKey, entropy: Entropy, name: str
) -> None:
    share_set, shares = made
    entry = SharesSeal(share_set, entropy).seal(root_key)
    value = entry.parameters[name]
    other = value - 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
    changed = replace(entry, parameters={**entry.parameters, name: other})
    with pytest.raises(OperatorError, match="is damaged"):
        give(changed, *shares[:3]).open(changed)


@pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 5), (3, 2), (2, 17), (0, 0), (-1, 3)])
def test_sets_that_cannot_be(entropy: Entropy, threshold: int, count: int) -> None:
    assert "There is no set" in refusal(lambda: new_share_set(threshold, count, entropy))


def test_nothing_gives_a_share_away(
    made: tuple[ShareSet, tuple[str, ...]], root_key: RootKey, entropy: Entropy
) -> None:
    share_set, shares = made
    entry = SharesSeal(share_set, entropy).seal(root_key)
    words = f"{share_set!r} {entry!r} {give(entry, *shares)!r}"
    assert not any(share.split(" ", 4)[4] in words for share in shares)
    assert root_key.expose().hex() not in words
