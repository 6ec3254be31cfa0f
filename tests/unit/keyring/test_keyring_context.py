"""The encoding of an encryption context: canonical, and different for different contexts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from strongroom.keyring.context import encode_context

# Lone surrogates are admitted on purpose: a JSON text may hold them.
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
Decode = Callable[[bytes], dict[str, str]]
CONTEXTS = st.dictionaries(TEXT, TEXT, max_size=5)


@given(CONTEXTS)
def test_every_encoding_has_exactly_one_context(decode_context: Decode, context: dict[str, str]) -> None:
    assert decode_context(encode_context(context)) == context


@given(CONTEXTS, CONTEXTS)
def test_two_contexts_have_the_same_encoding_only_if_they_are_equal(
    first: dict[str, str], second: dict[str, str]
) -> None:
    assert (encode_context(first) == encode_context(second)) == (first == second)


@given(CONTEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_makes_no_difference(context: dict[str, str], random: Random) -> None:
    pairs = list(context.items())
    random.shuffle(pairs)
    assert encode_context(dict(pairs)) == encode_context(context)


@given(CONTEXTS)
def test_names_are_in_the_order_of_their_bytes(decode_context: Decode, context: dict[str, str]) -> None:
    names = [name.encode("utf-8", "surrogatepass") for name in decode_context(encode_context(context))]
    assert names == sorted(names)


def test_text_moved_between_name_and_value_or_between_pairs_is_another_context() -> None:
    contexts = [
        {},
        {"": ""},
        {"ab": "c"},
        {"a": "bc"},
        {"abc": ""},
        {"": "abc"},
        {"a": "b", "c": ""},
        {"A": "bc"},
        {"é": "1"},
        {"e\u0301": "1"},
    ]
    assert len({encode_context(context) for context in contexts}) == len(contexts)
