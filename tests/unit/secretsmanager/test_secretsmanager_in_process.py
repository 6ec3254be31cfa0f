"""What cannot be seen from outside: dates of reads, other accounts, page tokens, maintenance, damage at rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import bindparam, update
from tests.support.harness_kms import ACCOUNT, OTHER_ACCOUNT, allow
from tests.support.harness_secretsmanager import SecretsHarness, in_loop, token

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.secretsmanager import SecretsManagerSettings
from strongroom.services.secretsmanager.maintenance import Maintenance
from strongroom.store import Statement
from strongroom.store.schema import secret_versions, secrets

DAY_MS = 86_400_000
OPEN_TO_ALL = orjson.dumps({
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"},
}).decode()  # fmt: skip


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[SecretsHarness]:
    found = SecretsHarness(tmp_path)
    yield found
    found.store.close()


def _describe(harness: SecretsHarness, arn: str) -> list[object]:
    statement = Statement(secrets.select().where(secrets.c.arn == bindparam("arn")))
    return [tuple(row) for row in harness.store.read_now(lambda tx: tx.all(statement, {"arn": arn}))]


@in_loop
async def test_the_day_of_a_read_is_written_once_and_not_on_the_way(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    call = await harness.call_of("DescribeSecret")
    assert "LastAccessedDate" not in await harness.secrets.describe_secret(call, SecretId=arn)
    await harness.get(arn)
    await harness.secrets.access_dates.drain()
    described = await harness.secrets.describe_secret(call, SecretId=arn)
    accessed = described["LastAccessedDate"]
    assert str(accessed) == "2027-01-15 00:00:00+00:00"
    before = _describe(harness, arn)
    await harness.get(arn)
    await harness.secrets.access_dates.drain()
    assert _describe(harness, arn) == before


@in_loop
async def test_a_date_that_cannot_be_written_does_not_fail_the_read(
    harness: SecretsHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from strongroom.store import StoreError

    await harness.create("app/db")

    async def fail(work: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(harness.secrets.access_dates, "_store", type("Full", (), {"write": staticmethod(fail)})())
    assert (await harness.get("app/db"))["SecretString"] == "v1"
    await harness.secrets.access_dates.drain()
    assert "The disk is full." in caplog.text


@in_loop
async def test_another_account_needs_the_resource_policy_and_a_key_of_its_own_right(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    other = await harness.call_of("GetSecretValue", account=OTHER_ACCOUNT)
    with pytest.raises(AccessDenied, match="no resource-based policy allows"):
        await harness.secrets.get_secret_value(other, SecretId=arn)
    await harness.secrets.put_resource_policy(
        await harness.call_of("PutResourcePolicy"), SecretId=arn, ResourcePolicy=OPEN_TO_ALL
    )
    with pytest.raises(AwsError, match="default KMS service key") as caught:
        await harness.secrets.get_secret_value(other, SecretId=arn)
    assert caught.value.code == "InvalidRequestException"
    with pytest.raises(AwsError, match="default KMS service key"):
        await harness.secrets.put_secret_value(
            await harness.call_of("PutSecretValue", account=OTHER_ACCOUNT),
            SecretId=arn,
            ClientRequestToken=token(),
            SecretString="x",
        )


@in_loop
async def test_a_name_never_reaches_another_account(harness: SecretsHarness) -> None:
    await harness.create("app/db")
    other = await harness.call_of("GetSecretValue", account=OTHER_ACCOUNT)
    with pytest.raises(AwsError, match="can't find the specified secret"):
        await harness.secrets.get_secret_value(other, SecretId="app/db")


@in_loop
async def test_which_keys_another_account_has_is_not_told(harness: SecretsHarness) -> None:
    theirs = f"arn:aws:kms:eu-central-1:{OTHER_ACCOUNT}:key/"
    for key in (f"{theirs}00000000-0000-0000-0000-000000000000", f"{theirs[:-4]}alias/x"):
        with pytest.raises(AccessDenied, match="Access to KMS is not allowed"):
            await harness.create("app/db", KmsKeyId=key)


@in_loop
async def test_a_secret_under_a_key_of_another_account(harness: SecretsHarness) -> None:
    everybody = orjson.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
                for account in (ACCOUNT, OTHER_ACCOUNT)
            ],
        }
    ).decode()

    async def make_their_key(**parameters: str) -> str:
        made = await harness.kms.create_key(await harness.call(account=OTHER_ACCOUNT), **parameters)  # type: ignore[arg-type]
        return str(made["KeyMetadata"]["Arn"])  # type: ignore[index]

    closed = await make_their_key()
    with pytest.raises(AccessDenied, match=r"Access to KMS is not allowed$"):
        await harness.create("app/db", KmsKeyId=closed)
    shared = await make_their_key(Policy=everybody)
    arn = await harness.create("app/db", KmsKeyId=shared)
    assert (await harness.get(arn))["SecretString"] == "v1"
    await harness.secrets.put_resource_policy(
        await harness.call_of("PutResourcePolicy"), SecretId=arn, ResourcePolicy=OPEN_TO_ALL
    )
    reader = await harness.call_of("GetSecretValue", account=OTHER_ACCOUNT)
    assert (await harness.secrets.get_secret_value(reader, SecretId=arn))["SecretString"] == "v1"
    writer = await harness.call_of("UpdateSecret", account=OTHER_ACCOUNT)
    with pytest.raises(AwsError, match="default KMS service key"):
        await harness.secrets.update_secret(writer, SecretId=arn, ClientRequestToken=token(), KmsKeyId="")
    await harness.secrets.update_secret(writer, SecretId=arn, ClientRequestToken=token(), SecretString="v2")
    assert (await harness.get(arn))["SecretString"] == "v2"


@in_loop
async def test_a_page_token_serves_its_caller_and_query_only(harness: SecretsHarness) -> None:
    for number in range(3):
        await harness.create(f"app/{number}")
    call = await harness.call_of("ListSecrets")
    first = await harness.secrets.list_secrets(call, MaxResults=2)
    page = str(first["NextToken"])
    again = await harness.secrets.list_secrets(call, MaxResults=2, NextToken=page)
    assert "NextToken" not in again
    somebody = await harness.call_of("ListSecrets", name="else")
    for other, query in (
        (somebody, {"NextToken": page}),
        (call, {"NextToken": page, "SortOrder": "desc"}),
        (call, {"NextToken": page[:-4] + "AAAA"}),
        (call, {"NextToken": "not base64 \u00e9"}),
    ):
        with pytest.raises(AwsError) as caught:
            await harness.secrets.list_secrets(other, **query)  # type: ignore[arg-type]
        assert caught.value.code == "InvalidNextTokenException"


@in_loop
async def test_a_secret_goes_when_its_recovery_window_ends(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    await harness.secrets.delete_secret(await harness.call_of("DeleteSecret"), SecretId=arn, RecoveryWindowInDays=7)
    upkeep = Maintenance(harness.store, harness.world)
    harness.clock.now_ms += 7 * DAY_MS - 1
    await upkeep.turn()
    assert _describe(harness, arn)
    harness.clock.now_ms += 1
    await upkeep.turn()
    assert not _describe(harness, arn)
    assert not harness.versions(arn)
    names = [orjson.loads(event).get("eventName") for event in harness.journal.events]
    assert names[-1] == "EndSecretVersionDelete"
    assert "StartSecretVersionDelete" in names
    for operation in (harness.secrets.describe_secret, harness.secrets.restore_secret):
        with pytest.raises(AwsError, match="can't find the specified secret"):
            await operation(await harness.call_of("DescribeSecret"), SecretId=arn)
    assert await harness.create("app/db", "again") != arn


@in_loop
async def test_a_restored_secret_outlives_its_window(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    for days in (7, 8):
        await harness.secrets.delete_secret(
            await harness.call_of("DeleteSecret"), SecretId=arn, RecoveryWindowInDays=days
        )
        harness.clock.now_ms += 6 * DAY_MS
        await harness.secrets.restore_secret(await harness.call_of("RestoreSecret"), SecretId=arn)
    harness.clock.now_ms += 40 * DAY_MS
    await Maintenance(harness.store, harness.world).turn()
    assert (await harness.get(arn))["SecretString"] == "v1"


@in_loop
async def test_more_secrets_than_a_transaction_holds_end_together(harness: SecretsHarness) -> None:
    for number in range(105):
        arn = await harness.create(f"app/{number}", None)
        await harness.secrets.delete_secret(await harness.call_of("DeleteSecret"), SecretId=arn)
    kept = await harness.create("kept")
    harness.clock.now_ms += 30 * DAY_MS
    await Maintenance(harness.store, harness.world).turn()
    call = await harness.call_of("ListSecrets")
    listed = await harness.secrets.list_secrets(call, IncludePlannedDeletion=True)
    assert [entry["ARN"] for entry in listed["SecretList"]] == [kept]  # type: ignore[attr-defined]


@in_loop
async def test_versions_without_labels_go_beyond_the_quota_when_they_are_a_day_old(tmp_path: Path) -> None:
    harness = SecretsHarness(tmp_path, SecretsManagerSettings(versions_per_secret=3))
    arn = await harness.create("app/db", "v0")

    async def put(value: str) -> None:
        await harness.secrets.put_secret_value(
            await harness.call_of("PutSecretValue"), SecretId=arn, ClientRequestToken=token(), SecretString=value
        )

    for number in range(1, 6):
        harness.clock.now_ms += 1
        await put(f"v{number}")
    assert len(harness.versions(arn)) == 6
    harness.clock.now_ms += DAY_MS + 10
    await put("v6")
    kept = harness.versions(arn)
    assert len(kept) == 3
    previous = await harness.get(arn, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "v5"
    harness.store.close()


@in_loop
async def test_attack_18_values_moved_between_versions_and_secrets_do_not_open(harness: SecretsHarness) -> None:
    first = await harness.create("app/one", "one")
    second = await harness.create("app/two", "two")
    [donor] = harness.versions(first)
    statement = Statement(
        update(secret_versions)
        .where(secret_versions.c.arn == bindparam("the_arn"))
        .values(value=bindparam("value"), data_key=bindparam("data_key"))
    )
    harness.store.write_now(
        lambda tx: tx.run(statement, {"the_arn": second, "value": donor.value, "data_key": donor.data_key})
    )
    with pytest.raises(AwsError) as caught:
        await harness.get(second)
    assert caught.value.code == "DecryptionFailure"


@in_loop
async def test_changing_the_key_moves_the_versions_in_use_if_the_caller_may_encrypt(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    keys = [await harness.make_key(), await harness.make_key()]
    without = allow("secretsmanager:*", "kms:GenerateDataKey", "kms:Decrypt")

    async def update_key(key: str, policy: dict[str, object] | None = None) -> list[str | None]:
        await harness.secrets.update_secret(
            await harness.call_of("UpdateSecret", policy), SecretId=arn, ClientRequestToken=token(), KmsKeyId=key
        )
        return [version.kms_key_arn for version in harness.versions(arn)]

    assert await update_key(keys[0]) == [keys[0]]
    assert await update_key(keys[1], without) == [keys[0]]
    assert (await harness.get(arn))["SecretString"] == "v1"
    assert await update_key(keys[1]) == [keys[1]]
    assert (await harness.get(arn))["SecretString"] == "v1"
    assert await update_key("alias/aws/secretsmanager") != [keys[1]]
    described = await harness.secrets.describe_secret(await harness.call_of("DescribeSecret"), SecretId=arn)
    assert "KmsKeyId" not in described
