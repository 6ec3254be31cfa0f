"""Policy documents: encoding and size quotas."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.harness_identity import ACCOUNT, IdentityHarness

from strongroom.errors import AwsError
from strongroom.services.iam.documents import check_managed, encoded, trust_policy


def _document(characters: int) -> str:
    """A policy document of so many characters, without white space."""
    begin = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::'
    end = '"}]}'
    return begin + "x" * (characters - len(begin) - len(end)) + end


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_encoding_is_that_of_rfc_3986(text: str) -> None:
    shown = encoded(text)
    assert unquote(shown, errors="strict") == text
    assert set(shown) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%")


def test_white_space_does_not_count() -> None:
    check_managed(_document(6144))
    check_managed(_document(6144).replace(",", " \n\t, "))
    with pytest.raises(AwsError) as caught:
        check_managed(_document(6145))
    assert (caught.value.code, caught.value.message) == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_a_trust_policy_has_a_quota_of_its_own(house: IdentityHarness) -> None:
    def sized(names: int) -> str:
        principals = [ACCOUNT] * names
        statement = {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": statement})

    small, large = sized(100), sized(140)
    assert house.store.read_now(lambda transaction: trust_policy(transaction, small)) == small
    with pytest.raises(AwsError, match="ACLSizePerRole: 2048"):
        house.store.read_now(lambda transaction: trust_policy(transaction, large))
