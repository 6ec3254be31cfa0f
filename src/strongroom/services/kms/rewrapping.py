"""Bring what services keep sealed under KMS keys to the newest material of these keys, in the background.

A rotated key opens everything that it ever sealed, so this is never urgent; it lets old material go out of use. A
rewrap is a row that says how far it has come. Each batch is one transaction that also moves the row on: so it goes on
where it was after a crash, and any node may do the next batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Final

from strongroom.errors import AwsError, OperatorError
from strongroom.services.clients import CiphertextHolder, HeldCiphertext
from strongroom.services.kms.cipher import read_header
from strongroom.services.kms.rewrap_records import (
    FINISHED,
    RUNNING,
    RewrapRecord,
    begin_rewrap,
    running_rewraps,
    update_rewrap,
)
from strongroom.services.kms.service import Kms
from strongroom.services.kms.specs import ENCRYPT_DECRYPT
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["Rewrapper", "request_rewrap"]

_BATCH: Final = 100


class _Outcome(Enum):
    """What became of one ciphertext."""

    NEWEST_ALREADY = "newest already"
    CHANGED = "changed"
    SKIPPED = "skipped"


def request_rewrap(transaction: Transaction, holders: Sequence[str], now_ms: int) -> None:
    """Ask for a rewrap of everything that some holders keep. One that is running already goes on as it is.

    Args:
        transaction: A write.
        holders: Their names.
        now_ms: Now, in milliseconds since the epoch.
    """
    running = {record.holder for record in running_rewraps(transaction)}
    for name in holders:
        if name not in running:
            begin_rewrap(transaction, RewrapRecord(name, RUNNING, "", 0, 0, 0, 0, now_ms, now_ms))


class Rewrapper:
    """Does the rewraps that were asked for, in turns.

    Args:
        store: Where rewraps and ciphertexts are.
        kms: Finds the keys and encrypts.
        world: What time it is.
        holders: Everybody who keeps ciphertexts of KMS keys.
    """

    __slots__ = ("_holders", "_kms", "_store", "_world")

    def __init__(self, store: Store, kms: Kms, world: World, holders: Sequence[CiphertextHolder]) -> None:
        self._store = store
        self._kms = kms
        self._world = world
        self._holders = {holder.name: holder for holder in holders}

    async def turn(self) -> bool:
        """Do one batch of every rewrap that is running.

        Returns:
            Whether there was anything to do.
        """
        running = [
            record.holder
            for record in await self._store.read(running_rewraps, single=True)
            if record.holder in self._holders
        ]
        for name in running:
            await self._store.write(lambda transaction, name=name: self._batch(transaction, name))  # type: ignore[misc]
        return bool(running)

    def _batch(self, transaction: Transaction, name: str) -> None:
        record = next((found for found in running_rewraps(transaction) if found.holder == name), None)
        if record is None:  # another node has finished it
            return
        holder, now_ms = self._holders[name], self._world.clock.milliseconds()
        page = holder.page(transaction, record.after, _BATCH)
        outcomes = [self._rewrap(transaction, holder, held, now_ms) for held in page]
        done = record.done + len(page)
        is_last = len(page) < _BATCH
        update_rewrap(
            transaction,
            replace(
                record,
                state=FINISHED if is_last else RUNNING,
                after=page[-1].position if page else record.after,
                total=done if is_last else max(done, record.total or holder.count(transaction)),
                done=done,
                changed=record.changed + outcomes.count(_Outcome.CHANGED),
                skipped=record.skipped + outcomes.count(_Outcome.SKIPPED),
                changed_ms=now_ms,
            ),
        )

    def _rewrap(
        self, transaction: Transaction, holder: CiphertextHolder, held: HeldCiphertext, now_ms: int
    ) -> _Outcome:
        """Seal one plaintext anew, unless it is under the newest material or the key cannot be used."""
        try:
            header = read_header(held.ciphertext)
            key = self._kms.directory.load(transaction, transaction.epoch(), held.key_arn)
            if key is None:
                return _Outcome.SKIPPED
            if header.material_id == key.record.material_id:
                return _Outcome.NEWEST_ALREADY
            key.require_usable(ENCRYPT_DECRYPT, "kms:ReEncrypt", now_ms)
            plaintext = self._kms.cipher.decrypt(key, held.ciphertext, held.context)
            holder.replace(transaction, held, self._kms.cipher.encrypt(key, plaintext, held.context))
        except (AwsError, OperatorError):
            return _Outcome.SKIPPED
        return _Outcome.CHANGED
