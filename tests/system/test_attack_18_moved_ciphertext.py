"""Attack 18: ciphertext where it does not belong. Reading it fails closed and never gives another's plaintext.

Whoever can write to the store, but has no key, moves sealed values about while the server is down; whoever may call KMS
tries ciphertexts under other contexts and keys, and alters them.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.lambda_service import make_function, make_role
from tests.support.policies import allow, document, refusal_code
from tests.support.server import Credentials, RunningServer, running_server

pytestmark = pytest.mark.system

Store = sqlite3.Connection
NO_CIPHERTEXT = {"InvalidCiphertextException", "NotFoundException", "AccessDeniedException"}
"""How a changed ciphertext is refused: the last two where the name of its key was changed."""


def at_rest(folder: Path, change: Callable[[Store], None]) -> None:
    """Change the store while no server runs."""
    with closing(sqlite3.connect(folder / "store.sqlite")) as store:
        change(store)
        store.commit()


def swap(store: Store, table: str, columns: str, one: dict[str, str], other: dict[str, str]) -> None:
    """Exchange columns of two rows."""
    names = columns.split()

    def where(row: dict[str, str]) -> str:
        return " AND ".join(f"{name} = :{name}" for name in row)

    contents = []
    for row in (one, other):
        found = store.execute(f"SELECT {', '.join(names)} FROM {table} WHERE {where(row)}", row).fetchall()
        assert len(found) == 1
        contents.append(found[0])
    assert contents[0] != contents[1]
    for row, content in zip((other, one), contents, strict=True):
        update = f"UPDATE {table} SET {', '.join(f'{name} = :new_{name}' for name in names)} WHERE {where(row)}"
        new = {f"new_{name}": value for name, value in zip(names, content, strict=True)}
        assert store.execute(update, row | new).rowcount == 1


def refused(server: RunningServer, arn: str, **which: str) -> str:
    """Read a secret, expect a refusal, and give its code."""
    with pytest.raises(ClientError) as caught:
        server.client("secretsmanager").get_secret_value(SecretId=arn, **which)
    assert "the secret of" not in str(caught.value.response)
    return str(caught.value.response["Error"]["Code"])


MOVES = ("value", "data_key", "value data_key", "value data_key kms_key_arn", "value data_key kms_key_arn kind")


def test_attack_18_values_moved_in_the_store(tmp_path: Path) -> None:
    """Each pair of secrets, and each pair of versions of one secret, is swapped in another way."""
    pairs: dict[str, tuple[str, str]] = {}
    versioned: dict[str, tuple[str, list[str]]] = {}
    with running_server(tmp_path / "data") as server:
        secrets = server.client("secretsmanager")
        keys = [server.client("kms").create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]

        def make(key: str, kind: str) -> str:
            name = uuid.uuid4().hex
            content = (
                {"SecretString": f"the secret of {name}"} if kind == "string" else {"SecretBinary": b"the secret of"}
            )
            return str(secrets.create_secret(Name=name, KmsKeyId=key, **content)["ARN"])

        for columns in MOVES:
            other = keys[1] if "kms_key_arn" in columns else keys[0]
            pairs[columns] = make(keys[0], "string"), make(other, "binary" if "kind" in columns else "string")
            arn = make(keys[0], "string")
            first = secrets.get_secret_value(SecretId=arn)["VersionId"]
            if "kms_key_arn" in columns:
                secrets.update_secret(SecretId=arn, KmsKeyId=keys[1])
                secrets.update_secret(SecretId=arn, KmsKeyId=keys[0])
            second = secrets.put_secret_value(SecretId=arn, SecretString="the secret of today")["VersionId"]
            versioned[columns] = arn, [first, second]
        untouched = make(keys[0], "string")

    def move(store: Store) -> None:
        for columns, (one, other) in pairs.items():
            swap(store, "secret_versions", columns, {"arn": one}, {"arn": other})
        for columns, (arn, (first, second)) in versioned.items():
            swap(
                store, "secret_versions", columns, {"arn": arn, "version_id": first}, {"arn": arn, "version_id": second}
            )

    at_rest(tmp_path / "data", move)
    with running_server(tmp_path / "data") as server:
        for columns, pair in pairs.items():
            assert [refused(server, arn) for arn in pair] == ["DecryptionFailure"] * 2, columns
        for columns, (arn, versions) in versioned.items():
            codes = [refused(server, arn, VersionId=version) for version in versions]
            assert codes == ["DecryptionFailure"] * 2, columns
        batch = server.client("secretsmanager").batch_get_secret_value(SecretIdList=[*pairs["value"], untouched])
        assert [value["ARN"] for value in batch["SecretValues"]] == [untouched]


def test_attack_18_altered_values_in_the_store(tmp_path: Path) -> None:
    """A byte changed anywhere, a value cut short, an empty one."""
    with running_server(tmp_path / "data") as server:
        secrets = server.client("secretsmanager")
        arns = [
            secrets.create_secret(Name=f"altered/{number}", SecretString="the secret of x")["ARN"]
            for number in range(8)
        ]

    def alter(store: Store) -> None:
        query = "SELECT value, data_key FROM secret_versions WHERE arn = ?"
        for number, arn in enumerate(arns):
            value, data_key = store.execute(query, (arn,)).fetchone()
            place = (0, len(value) // 3, len(value) // 2, -1)[number % 4]
            column, content = ("value", value) if number < 6 else ("data_key", data_key)
            changed = bytearray(content)
            changed[place] ^= 1
            new = {4: content[:-1], 5: b""}.get(number, bytes(changed))
            store.execute(f"UPDATE secret_versions SET {column} = ? WHERE arn = ?", (new, arn))

    at_rest(tmp_path / "data", alter)
    with running_server(tmp_path / "data") as server:
        assert {refused(server, arn) for arn in arns} == {"DecryptionFailure"}


def test_attack_18_key_material_moved_in_the_store(tmp_path: Path) -> None:
    """Under the material of another key nothing opens, and nothing is sealed that the other key would open."""
    with running_server(tmp_path / "data") as server:
        kms, secrets = server.client("kms"), server.client("secretsmanager")
        keys = [kms.create_key()["KeyMetadata"] for _ in range(2)]
        ciphertexts = [kms.encrypt(KeyId=key["Arn"], Plaintext=b"the secret of")["CiphertextBlob"] for key in keys]
        arn = secrets.create_secret(Name="x", SecretString="the secret of x", KmsKeyId=keys[0]["Arn"])["ARN"]

    def move(store: Store) -> None:
        swap(store, "kms_materials", "wrapped", *({"key_arn": key["Arn"]} for key in keys))

    at_rest(tmp_path / "data", move)
    with running_server(tmp_path / "data") as server:
        kms = server.client("kms")
        assert refused(server, arn) in {"DecryptionFailure", "InternalServiceError"}
        for ciphertext, key in zip(ciphertexts, keys, strict=True):
            with pytest.raises(ClientError) as caught:
                kms.decrypt(CiphertextBlob=ciphertext)
            assert "the secret of" not in str(caught.value.response)
            with pytest.raises(ClientError):
                kms.encrypt(KeyId=key["Arn"], Plaintext=b"x")


def test_attack_18_access_keys_moved_in_the_store(tmp_path: Path) -> None:
    """The secret half of one access key does not open another."""
    with running_server(tmp_path / "data") as server:
        weak, strong = server.make_user(), server.make_user(document(allow("*")))

    def move(store: Store) -> None:
        swap(
            store,
            "iam_access_keys",
            "secret_access_key",
            {"access_key_id": weak.access_key_id},
            {"access_key_id": strong.access_key_id},
        )

    at_rest(tmp_path / "data", move)
    with running_server(tmp_path / "data") as server:
        for key_id in (weak.access_key_id, strong.access_key_id):
            for secret in (weak.secret_access_key, strong.secret_access_key):
                with pytest.raises(ClientError):
                    server.client("sts", Credentials(key_id, secret)).get_caller_identity()
        server.client("sts").get_caller_identity()


def test_attack_18_function_code_and_variables_moved_in_the_store(tmp_path: Path) -> None:
    """A function never runs with the code or the variables of another."""
    source = "import os\nHELD = {!r}\ndef handler(event, context):\n    return [HELD, os.environ['HELD']]\n"
    with running_server(tmp_path / "data") as server:
        role = make_role(server)
        made = [
            make_function(
                server, role, source.format(f"code {number}"), Environment={"Variables": {"HELD": str(number)}}
            )
            for number in range(4)
        ]
        arns = [function["FunctionArn"] for function in made]

    def move(store: Store) -> None:
        swap(store, "functions", "environment", {"arn": arns[0]}, {"arn": arns[1]})
        swap(store, "function_codes", "archive", {"function_arn": arns[2]}, {"function_arn": arns[3]})

    at_rest(tmp_path / "data", move)
    with running_server(tmp_path / "data") as server:
        for arn in arns:
            with pytest.raises(ClientError) as caught:
                server.client("lambda").invoke(FunctionName=arn)
            assert caught.value.response["Error"]["Code"] == "ServiceException"


# --- through the door


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


def test_attack_18_another_context(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"SecretARN": "a", "SecretVersionId": "b"}
    ciphertext = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    for other in (
        {},
        {"SecretARN": "a"},
        {**context, "more": "c"},
        {"SecretARN": "b", "SecretVersionId": "a"},
        {"secretarn": "a", "SecretVersionId": "b"},
        {"SecretARN": "a ", "SecretVersionId": "b"},
        {"SecretARN": "aSecretVersionIdb"},
        {"SecretARN": 'a","SecretVersionId":"b'},
    ):
        code = refusal_code(kms, "decrypt", CiphertextBlob=ciphertext, EncryptionContext=other)
        assert code == "InvalidCiphertextException", other
    reordered = dict(reversed(context.items()))
    assert kms.decrypt(CiphertextBlob=ciphertext, EncryptionContext=reordered)["Plaintext"] == b"x"


def altered(ciphertext: bytes) -> Iterator[bytes]:
    for place in range(len(ciphertext)):
        changed = bytearray(ciphertext)
        changed[place] ^= 1 << (place % 8)
        yield bytes(changed)
    for length in (1, 16, len(ciphertext) // 2, len(ciphertext) - 1):
        yield ciphertext[:length]
    yield from (ciphertext + b"\0", ciphertext * 2, bytes(len(ciphertext)), b"\xff" * len(ciphertext))


def test_attack_18_every_byte_counts(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ciphertext = kms.encrypt(KeyId=key, Plaintext=b"sixteen bytes :)")["CiphertextBlob"]
    for changed in altered(ciphertext):
        assert refusal_code(kms, "decrypt", CiphertextBlob=changed) in NO_CIPHERTEXT
        named = refusal_code(kms, "decrypt", CiphertextBlob=changed, KeyId=key)
        assert named in {"InvalidCiphertextException", "IncorrectKeyException"}


def test_attack_18_another_key(strongroom: RunningServer, kms: Any) -> None:
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    ciphertext, other = (kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in keys)
    assert refusal_code(kms, "decrypt", CiphertextBlob=ciphertext, KeyId=keys[1]) == "IncorrectKeyException"
    for place in range(1, min(len(ciphertext), len(other))):
        if ciphertext[:place] == other[:place]:
            continue
        spliced = other[:place] + ciphertext[place:]
        if spliced != other:
            assert refusal_code(kms, "decrypt", CiphertextBlob=spliced) in NO_CIPHERTEXT
    user = strongroom.make_user(document(allow("kms:Decrypt", resource=keys[1])))
    client = strongroom.client("kms", user)
    assert refusal_code(client, "decrypt", CiphertextBlob=ciphertext) == "AccessDeniedException"
    assert client.decrypt(CiphertextBlob=other)["Plaintext"] == b"x"


def test_attack_18_a_disabled_or_deleted_key(strongroom: RunningServer, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secrets = strongroom.client("secretsmanager")
    name = uuid.uuid4().hex
    secrets.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    ciphertext = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    for _ in range(6):
        assert refusal_code(kms, "decrypt", CiphertextBlob=ciphertext) == "DisabledException"
        assert refusal_code(secrets, "get_secret_value", SecretId=name) == "DecryptionFailure"
    kms.enable_key(KeyId=key)
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "x"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert refusal_code(kms, "decrypt", CiphertextBlob=ciphertext) == "KMSInvalidStateException"
    assert refusal_code(secrets, "get_secret_value", SecretId=name) == "DecryptionFailure"


def test_attack_18_ciphertext_of_a_secret_is_not_openable_without_its_context(strongroom: RunningServer) -> None:
    """A role that may use the key only through Secrets Manager's context cannot open anything else with it."""
    kms = strongroom.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    mine = {"kms:EncryptionContext:SecretARN": "mine"}
    user = strongroom.make_user(document(allow("kms:Decrypt", resource=key, Condition={"StringEquals": mine})))
    client = strongroom.client("kms", user)
    blobs = {
        owner: kms.encrypt(KeyId=key, Plaintext=json.dumps(owner).encode(), EncryptionContext={"SecretARN": owner})
        for owner in ("mine", "theirs")
    }
    opened = client.decrypt(CiphertextBlob=blobs["mine"]["CiphertextBlob"], EncryptionContext={"SecretARN": "mine"})
    assert opened["Plaintext"] == b'"mine"'
    theirs = blobs["theirs"]["CiphertextBlob"]
    assert refusal_code(client, "decrypt", CiphertextBlob=theirs, EncryptionContext={"SecretARN": "theirs"}) == (
        "AccessDeniedException"
    )
    assert refusal_code(client, "decrypt", CiphertextBlob=theirs, EncryptionContext={"SecretARN": "mine"}) == (
        "InvalidCiphertextException"
    )
