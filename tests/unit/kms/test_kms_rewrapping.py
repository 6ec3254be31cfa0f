"""Bringing ciphertexts to the newest material: in batches, resumable, and without harm to what cannot be brought."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.harness_kms import KmsHarness

from strongroom.keyring import inspect
from strongroom.services.clients import CiphertextHolder, HeldCiphertext
from strongroom.services.kms.rewrap_records import FINISHED, RewrapRecord, all_rewraps
from strongroom.services.kms.rewrapping import Rewrapper, request_rewrap
from strongroom.store import Transaction


class Box:
    """A service that keeps ciphertexts in memory."""

    name = "box"

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []

    def count(self, transaction: Transaction) -> int:
        return len(self.kept)

    def page(self, transaction: Transaction, after: str, most: int) -> list[HeldCiphertext]:
        start = int(after) + 1 if after else 0
        page = list(enumerate(self.kept))[start : start + most]
        return [HeldCiphertext(str(at), arn, ciphertext, {"at": str(at)}) for at, (arn, ciphertext) in page]

    def replace(self, transaction: Transaction, held: HeldCiphertext, ciphertext: bytes) -> None:
        self.kept[int(held.position)] = (held.key_arn, ciphertext)


@pytest.fixture
def kms(tmp_path: Path) -> Iterator[KmsHarness]:
    harness = KmsHarness(tmp_path)
    yield harness
    harness.store.close()


async def fill(kms: KmsHarness, box: Box, arn: str, count: int) -> None:
    for at in range(len(box.kept), len(box.kept) + count):
        answer: Any = await kms.kms.encrypt(
            await kms.call(), KeyId=arn, Plaintext=b"%d" % at, EncryptionContext={"at": str(at)}
        )
        box.kept.append((arn, answer["CiphertextBlob"]))


async def request(kms: KmsHarness, box: Box) -> None:
    await kms.store.write(lambda work: request_rewrap(work, [box.name], kms.clock.now_ms))


async def progress(kms: KmsHarness) -> RewrapRecord:
    (record,) = await kms.store.read(all_rewraps)
    return record


async def material(kms: KmsHarness, arn: str) -> str:
    answer: Any = await kms.kms.describe_key(await kms.call(), KeyId=arn)
    return str(answer["KeyMetadata"]["CurrentKeyMaterialId"])


def test_everything_comes_to_the_newest_material_and_stays_what_it_is(kms: KmsHarness) -> None:
    async def run() -> None:
        box: Any = Box()
        holder: CiphertextHolder = box
        arn = await kms.make_key()
        await fill(kms, box, arn, 150)
        await kms.kms.rotate_key_on_demand(await kms.call(), KeyId=arn)
        await fill(kms, box, arn, 70)
        newest = await material(kms, arn)
        assert await Rewrapper(kms.store, kms.kms, kms.world, [holder]).turn() is False
        await request(kms, box)
        before = [ciphertext for _, ciphertext in box.kept]
        await Rewrapper(kms.store, kms.kms, kms.world, [holder]).turn()
        half = await progress(kms)
        assert (half.total, half.done, half.changed) == (220, 100, 100)
        await request(kms, box)  # which leaves the one that is running alone
        for _ in range(2):  # a new process each time, which goes on where the last one was
            await Rewrapper(kms.store, kms.kms, kms.world, [holder]).turn()
        whole = await progress(kms)
        assert (whole.state, whole.total, whole.done, whole.changed, whole.skipped) == (FINISHED, 220, 220, 150, 0)
        assert {inspect(ciphertext).material_id for _, ciphertext in box.kept} == {newest}
        assert [ciphertext for _, ciphertext in box.kept[150:]] == before[150:]
        for at, (_, ciphertext) in enumerate(box.kept):
            opened = await kms.kms.decrypt(
                await kms.call(), CiphertextBlob=ciphertext, EncryptionContext={"at": str(at)}
            )
            assert opened["Plaintext"] == b"%d" % at
        assert await Rewrapper(kms.store, kms.kms, kms.world, [holder]).turn() is False

    asyncio.run(run())


def test_what_cannot_be_brought_is_left_as_it_is(kms: KmsHarness) -> None:
    async def run() -> None:
        box: Any = Box()
        good, disabled = await kms.make_key(), await kms.make_key()
        await fill(kms, box, good, 2)
        await fill(kms, box, disabled, 1)
        for arn in (good, disabled):
            await kms.kms.rotate_key_on_demand(await kms.call(), KeyId=arn)
        await kms.kms.disable_key(await kms.call(), KeyId=disabled)
        absent = good[:-12] + "0" * 12
        box.kept[1] = (good, box.kept[1][1][:-1] + b"x")  # damaged
        box.kept.append((absent, box.kept[0][1]))
        box.kept.append((good, b"not a ciphertext"))
        before = list(box.kept)
        await request(kms, box)
        await Rewrapper(kms.store, kms.kms, kms.world, [box]).turn()
        done = await progress(kms)
        assert (done.state, done.done, done.changed, done.skipped) == (FINISHED, 5, 1, 4)
        assert box.kept[1:] == before[1:]
        assert box.kept[0] != before[0]

    asyncio.run(run())
