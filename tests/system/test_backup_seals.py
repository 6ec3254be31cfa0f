"""A new machine with only a backup and one of the seals: it reads, decrypts and rotates as the old one did."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.bucket import ACCESS_KEY, s3_double
from tests.support.commands import run_strongroom
from tests.support.plain_rotation import PlainSecret, plain_function
from tests.support.sealed import start_sealed
from tests.support.server import RunningServer, running_server
from tests.support.softhsm import MODULE, PIN, needs_softhsm, new_token

pytestmark = pytest.mark.system

PASSPHRASE = b"correct horse battery staple"
CONTEXT = {"of": "the old machine"}


@dataclass
class Kept:
    """What outlived the old machine: a backup, what its seals need, and what it is to give back.

    Attributes:
        folder: Where the backup and the seals' things are.
        file: The backup.
        secret: A secret that a function rotates.
        ciphertext: Of a key of its own, under `CONTEXT`.
        hsm: The environment in which the token is found.
        profile: The environment in which the credentials of the other KMS are found.
        other: The Strongroom whose KMS keeps the root key.
        key: The key there.
    """

    folder: Path
    file: Path
    secret: PlainSecret
    ciphertext: bytes
    hsm: dict[str, str]
    profile: dict[str, str]
    other: RunningServer
    key: str

    def source(self, name: str) -> str:
        """The source of a passphrase, PIN or share."""
        return f"file:{self.folder / name}"

    def secret_on(self, server: RunningServer) -> PlainSecret:
        """The secret on another machine than the one that it was made on."""
        moved = copy(self.secret)
        moved.server = server
        return moved


@dataclass
class Seal:
    """One seal, as a new machine has it.

    Attributes:
        restore: What ``backup restore`` is told of it.
        serve: What ``serve`` is told of it.
        environment: Where both find it.
        shares: What ``unseal`` is given.
    """

    restore: list[str | Path]
    serve: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    shares: list[str] = field(default_factory=list)

    @contextmanager
    def serving(self, data: Path) -> Iterator[RunningServer]:
        """A server on the restored folder, opened by this seal alone."""
        if not self.shares:
            with running_server(data, *self.serve, environment=self.environment) as server:
                yield server
            return
        with start_sealed(data) as sealed:
            for share in self.shares:
                told = run_strongroom("unseal", "--data-dir", data, "--share-source", share)
                assert told.returncode == 0, told.stderr
            yield sealed.wait_until_ready()


def private(path: Path, content: bytes) -> Path:
    """A file that only its owner reads."""
    path.touch(0o600)
    path.write_bytes(content)
    return path


def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> str:
    """Run ``strongroom``, which must end well; what it prints."""
    done = run_strongroom(*arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """An installation under every kind of seal, backed up and gone."""
    folder = tmp_path_factory.mktemp("seals")
    data = folder / "old"
    private(folder / "passphrase", PASSPHRASE)
    private(folder / "pin", PIN)
    hsm: dict[str, str] = {}
    with running_server(folder / "other") as other:
        key = other.client("kms").create_key()["KeyMetadata"]["Arn"]
        allowed = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": key}
        keeper = other.make_user({"Version": "2012-10-17", "Statement": [allowed]})
        ini = f"[keeper]\naws_access_key_id={keeper.access_key_id}\naws_secret_access_key={keeper.secret_access_key}\n"
        credentials = private(folder / "credentials", ini.encode())
        profile = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": "/dev/null"}
        with running_server(data) as server:
            secret = PlainSecret(server, plain_function(server))
            secret.wait_until_complete(secret.rotate())
            kms = server.client("kms")
            sealing = kms.create_key()["KeyMetadata"]["KeyId"]
            sealed = kms.encrypt(KeyId=sealing, Plaintext=b"kept", EncryptionContext=CONTEXT)["CiphertextBlob"]
            add: list[str | Path] = ["seal", "add", "--data-dir", data]
            run(*add, "passphrase", "--new-passphrase-source", f"file:{folder / 'passphrase'}")
            run(*add, "shares", "--count", "3", "--threshold", "2", "--out", folder / "shares")
            if MODULE:
                place, hsm = new_token(folder)
                pkcs11 = ["--module", place.module, "--token", place.token, "--key", place.key]
                run(*add, "pkcs11", *pkcs11, "--pin-source", f"file:{folder / 'pin'}", environment=hsm)
            kms_seal = ["--key-id", key, "--endpoint-url", other.endpoint, "--profile", "keeper"]
            run(*add, "kms", *kms_seal, environment=profile)
            shutil.copy(data / "root.key", folder)
            made = json.loads(run("backup", "create", folder / "backups", "--data-dir", data, "--json"))
        shutil.rmtree(data)
        yield Kept(folder, folder / "backups" / made["name"], secret, sealed, hsm, profile, other, key)


def seal(kept: Kept, kind: str) -> Seal:
    """One of the seals, by its kind."""
    match kind:
        case "file":
            return Seal(["--root-key-file", kept.folder / "root.key"])
        case "passphrase":
            source = ["--passphrase-source", kept.source("passphrase")]
            return Seal([*source, "--seal", "passphrase"], source)
        case "pkcs11":
            return Seal(["--seal", "pkcs11"], [], {**kept.hsm, "STRONGROOM_PIN_SOURCE": kept.source("pin")})
        case "kms":
            return Seal(["--seal", "kms"], [], kept.profile)
        case _:
            shares = [kept.source(f"shares/share-{number}.txt") for number in (3, 1)]
            sources = [option for share in shares for option in ("--share-source", share)]
            return Seal([*sources, "--seal", "shares"], shares=shares)


@pytest.mark.parametrize("kind", ["file", "passphrase", "shares", pytest.param("pkcs11", marks=needs_softhsm), "kms"])
def test_a_new_machine_with_the_backup_and_one_seal(kept: Kept, kind: str, tmp_path: Path) -> None:
    """It reads; what it decrypted it decrypts; after the release it rotates."""
    opens, data = seal(kept, kind), tmp_path / "data"
    run("backup", "restore", kept.file, "--data-dir", data, *opens.restore, environment=opens.environment)
    with opens.serving(data) as server:
        secret = kept.secret_on(server)
        first = secret.labels()["AWSCURRENT"]
        assert secret.secrets.get_secret_value(SecretId=secret.arn)["SecretString"] == f"value of {first}"
        kms = server.client("kms")
        assert kms.decrypt(CiphertextBlob=kept.ciphertext, EncryptionContext=CONTEXT)["Plaintext"] == b"kept"
        run("backup", "release", "--data-dir", data)
        secret.wait_until_complete(secret.rotate(ClientRequestToken=str(uuid.uuid4())))
        assert secret.labels()["AWSPREVIOUS"] == first


def test_recovery_shares_after_the_automatic_seal_is_lost(kept: Kept, tmp_path: Path) -> None:
    """The key in the other KMS is gone for good: shares open, and a new automatic seal takes its place."""
    data, shares = tmp_path / "data", seal(kept, "shares")
    kept.other.client("kms").disable_key(KeyId=kept.key)
    try:
        refused = run_strongroom(
            "backup", "restore", kept.file, "--data-dir", data, "--seal", "kms", environment=kept.profile
        )
        assert refused.returncode == 1
        assert "could not be used for the root key" in refused.stderr
        assert not data.exists()
        run("backup", "restore", kept.file, "--data-dir", data, *shares.restore)
        run("seal", "remove", "file", "--yes", "--data-dir", data, *shares.restore[:4])
        migrate = ["seal", "migrate", "file", "--name", "new", "--keep", "shares", "--yes", "--json"]
        made = json.loads(run(*migrate, "--data-dir", data, *shares.restore[:4]))
        assert made["seals"] == ["shares", "new"]
        with running_server(data) as server:
            found = server.client("secretsmanager").get_secret_value(SecretId=kept.secret.arn)
            assert found["SecretString"] == f"value of {found['VersionId']}"
    finally:
        kept.other.client("kms").enable_key(KeyId=kept.key)


def test_a_backup_in_a_bucket_is_listed_checked_and_restored(kept: Kept, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": "key", "AWS_DEFAULT_REGION": "us-east-1"}
    root_key: list[str | Path] = ["--root-key-file", kept.folder / "root.key"]
    with s3_double() as s3:
        s3.objects[f"of/{kept.file.name}"] = kept.file.read_bytes()
        there = ["--endpoint-url", s3.endpoint]
        (listed,) = json.loads(run("backup", "list", "s3://vault/of", *there, "--json", environment=keys))
        assert (listed["name"], listed["size"]) == (kept.file.name, kept.file.stat().st_size)
        file = f"s3://vault/of/{kept.file.name}"
        told = run("backup", "verify", file, *there, *root_key, environment=keys)
        assert told.startswith("The backup is whole: ")
        s3.cut = True
        restore = ["backup", "restore", file, "--data-dir", tmp_path / "data", *there, *root_key]
        broken = run_strongroom(*restore, environment=keys)
        assert (broken.returncode, "Traceback" in broken.stderr) == (1, False)
        assert not (tmp_path / "data").exists()
        s3.cut = False
        run(*restore, environment=keys)
    assert (tmp_path / "data" / "store.sqlite").exists()
