"""The cache of signing keys: bounded, told, and never mixing keys up."""

from __future__ import annotations

import hmac

from strongroom.identity.sigv4_canonical import derive_signing_key
from strongroom.identity.sigv4_keys import Scope, SigningKeyCache


def scope(key_id: str = "AKID", date: str = "20260101", region: str = "us-east-1", service: str = "kms") -> Scope:
    return key_id, date, region, service


def test_gives_the_derived_key() -> None:
    cache = SigningKeyCache()
    derived = derive_signing_key("secret", "20260101", "us-east-1", "kms")
    expected = hmac.digest(derived, b"text", "sha256").hex()
    assert cache.key(scope(), "secret").hexdigest(b"text") == expected
    assert cache.key(scope(), "secret").hexdigest(b"text") == expected
    assert len(cache) == 1


def test_a_new_secret_never_meets_an_old_key() -> None:
    cache = SigningKeyCache()
    assert cache.key(scope(), "old").hexdigest(b"text") != cache.key(scope(), "new").hexdigest(b"text")


def test_scopes_do_not_share_keys() -> None:
    cache = SigningKeyCache()
    scopes = [scope(), scope(date="20260102"), scope(region="eu-west-1"), scope(service="sts")]
    assert len({cache.key(each, "secret").hexdigest(b"text") for each in scopes}) == len(scopes)


def test_is_bounded_and_drops_the_least_recently_used() -> None:
    cache = SigningKeyCache(capacity=2)
    cache.key(scope("A"), "secret")
    cache.key(scope("B"), "secret")
    cache.key(scope("A"), "secret")
    cache.key(scope("C"), "secret")
    assert len(cache) == 2
    cache.forget("A")
    assert len(cache) == 1


def test_forget_drops_every_key_of_one_access_key() -> None:
    cache = SigningKeyCache()
    for date in ("20260101", "20260102"):
        cache.key(scope("A", date), "secret")
    cache.key(scope("B"), "secret")
    cache.forget("A")
    assert len(cache) == 1


def test_made_up_key_ids_do_not_push_real_ones_out() -> None:
    cache = SigningKeyCache(capacity=2)
    cache.key(scope("REAL"), "secret")
    for number in range(10):
        cache.nobodys_key(scope(f"MADEUP{number}"))
    assert len(cache) == 1
