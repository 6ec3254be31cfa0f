"""A key put together from its rows, what conditions see of it, and the cache of keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from strongroom.errors import AwsError
from strongroom.services.kms.cache import KeyCache
from strongroom.services.kms.keys import DISABLED, ENABLED, PENDING_DELETION, PENDING_IMPORT, Key, build_key
from strongroom.services.kms.material_records import MaterialRecord
from strongroom.services.kms.metadata import key_metadata
from strongroom.services.kms.policies import accept_policy, compiled_policy, default_policy
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.service_keys import SERVICE_KEYS
from strongroom.services.kms.tags import checked_tags, request_tag_context

ACCOUNT = "123456789012"


def record(number: int = 0, state: str = ENABLED) -> KeyRecord:
    key_id = f"1234abcd-12ab-34cd-56ef-{number:012d}"
    return KeyRecord(
        arn=f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{key_id}",
        account=ACCOUNT,
        region="eu-central-1",
        key_id=key_id,
        description="",
        manager="CUSTOMER",
        state=state,
        key_spec="SYMMETRIC_DEFAULT",
        key_usage="ENCRYPT_DECRYPT",
        policy=default_policy(ACCOUNT),
        material_id="00",
        created_ms=1_800_000_000_000,
        deletion_ms=None,
    )


def key(number: int = 0, state: str = ENABLED) -> Key:
    return build_key(record(number, state), [material("00")])


def material(material_id: str, **fields: Any) -> MaterialRecord:
    return MaterialRecord(record().arn, material_id, b"", 0, **fields)


def test_conditions_see_the_key() -> None:
    found = build_key(record(), [], ("alias/a", "alias/b"), {"Team": "red"})
    assert found.context["kms:resourcealiases"] == ("alias/a", "alias/b")
    assert found.context["aws:resourcetag/team"] == "red"
    assert found.context["kms:keyspec"] == "SYMMETRIC_DEFAULT"


def test_tags_that_differ_in_case_only_do_not_hide_each_other() -> None:
    found = build_key(record(), [], (), {"Team": "red", "TEAM": "blue", "team": "green"})
    assert found.context["aws:resourcetag/team"] == ("red", "blue", "green")


@pytest.mark.parametrize(
    ("state", "code", "end"),
    [
        (DISABLED, "DisabledException", "is disabled."),
        (PENDING_DELETION, "KMSInvalidStateException", "is pending deletion."),
        (PENDING_IMPORT, "KMSInvalidStateException", "is pending import."),
    ],
)
def test_a_key_that_may_not_be_used(state: str, code: str, end: str) -> None:
    with pytest.raises(AwsError) as refused:
        key(state=state).require_usable("ENCRYPT_DECRYPT", "kms:Decrypt", 0)
    assert refused.value.code == code
    assert refused.value.message == f"{record().arn} {end}"


def test_a_key_with_one_material_needs_no_look_at_the_ciphertext() -> None:
    one, two = material("00"), material("01")
    assert build_key(record(), [one]).sole_material is not None
    assert build_key(record(), [one, two]).sole_material is None
    assert build_key(record(), [one, material("01", pending=1)]).sole_material is not None


def test_material_that_has_expired_is_not_used_even_while_it_is_there() -> None:
    found = build_key(replace(record(), origin="EXTERNAL"), [material("00", expires_ms=5), material("01")])
    found.require_usable("ENCRYPT_DECRYPT", "kms:Decrypt", 4)
    with pytest.raises(AwsError, match="is pending import"):
        found.require_usable("ENCRYPT_DECRYPT", "kms:Decrypt", 5)


def test_metadata_has_a_deletion_date_only_when_deletion_is_pending() -> None:
    assert "DeletionDate" not in key_metadata(key(), ())
    pending = build_key(replace(record(), state=PENDING_DELETION, deletion_ms=1_800_000_000_000), [material("00")])
    metadata = key_metadata(pending, ())
    assert metadata["DeletionDate"] == metadata["CreationDate"]
    assert metadata["Enabled"] is False


def test_the_cache_answers_for_its_epoch_only() -> None:
    cache = KeyCache()
    cache.put(7, key())
    assert cache.get(7, key().arn) is not None
    assert cache.get(6, key().arn) is None
    assert cache.get(8, key().arn) is None


def test_a_newer_epoch_drops_everything_and_an_older_one_is_not_held() -> None:
    cache = KeyCache()
    cache.put(7, key(1))
    cache.put(8, key(2))
    assert cache.get(7, key(1).arn) is None
    assert cache.get(8, key(1).arn) is None
    cache.put(7, key(1))
    assert cache.get(7, key(1).arn) is None
    assert cache.get(8, key(2).arn) is not None


def test_the_cache_is_bounded() -> None:
    cache = KeyCache(capacity=2)
    for number in range(3):
        cache.put(1, key(number))
    assert [cache.get(1, key(number).arn) is not None for number in range(3)] == [False, True, True]


def test_threads_share_the_cache() -> None:
    cache = KeyCache(capacity=8)
    keys = [key(number) for number in range(16)]

    def work(epoch: int) -> None:
        for _ in range(50):
            for each in keys:
                cache.put(epoch, each)
                assert cache.get(epoch, each.arn) in {each, None}

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, epoch) for epoch in (1, 2, 2, 3)]:
            done.result()
    assert sum(cache.get(3, each.arn) is not None for each in keys) == 8


def test_policies_that_kms_writes_compile() -> None:
    compiled_policy(default_policy(ACCOUNT))
    for service_key in SERVICE_KEYS.values():
        accept_policy(service_key.policy(ACCOUNT, "eu-central-1"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "MalformedPolicyDocumentException"),
        (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}',
            "MalformedPolicyDocumentException",
        ),
        (" " * 32_769, "LimitExceededException"),
    ],
)
def test_key_policies_that_are_refused(text: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        accept_policy(text)
    assert refused.value.code == code


def test_tags_of_a_request() -> None:
    assert checked_tags([{"TagKey": "a", "TagValue": "1"}]) == {"a": "1"}
    assert request_tag_context({}) == {}
    assert request_tag_context({"A": "1"}) == {"aws:tagkeys": ("A",), "aws:requesttag/a": "1"}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (["a", "a"], "TagException"),
        (["aws:a"], "TagException"),
        ([f"k{number}" for number in range(51)], "LimitExceededException"),
    ],
)
def test_tags_that_are_refused(keys: list[str], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        checked_tags([{"TagKey": name, "TagValue": ""} for name in keys])
    assert refused.value.code == code
