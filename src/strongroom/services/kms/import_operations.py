"""GetParametersForImport, ImportKeyMaterial and DeleteImportedKeyMaterial."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from strongroom.keyring import WRAPPING_ALGORITHMS, InvalidCiphertext, generate_transfer_key, unwrap_material
from strongroom.services.call import Call
from strongroom.services.kms import failures, material_records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.creation import DAY_MS
from strongroom.services.kms.import_tokens import Transfer, import_token, open_import_token
from strongroom.services.kms.imports import Arrival, accept, remove
from strongroom.services.kms.keys import Key, MutableContext
from strongroom.services.kms.specs import EXTERNAL
from strongroom.store import Transaction
from strongroom.world import from_milliseconds, to_milliseconds

__all__ = ["ImportOperations"]

_EXPIRES: Final = "KEY_MATERIAL_EXPIRES"
_LONGEST_DAYS: Final = 365
_BITS: Final = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}


class ImportOperations(KmsBase):
    """The operations on keys whose material their owner makes."""

    async def get_parameters_for_import(
        self, call: Call, *, KeyId: str, WrappingAlgorithm: str, WrappingKeySpec: str
    ) -> dict[str, object]:
        """A public key to wrap key material with, and the token that goes with it. Both are good for a day."""
        context = {
            "kms:wrappingalgorithm": WrappingAlgorithm,
            "kms:wrappingkeyspec": WrappingKeySpec,
        }

        def allowed(transaction: Transaction) -> Key:
            key = self.directory.for_management(transaction, call, "kms:GetParametersForImport", KeyId, context=context)
            key.require_origin(EXTERNAL)
            key.require_kept()
            return key

        key = await call.read(allowed)
        if WrappingAlgorithm not in WRAPPING_ALGORITHMS:
            raise failures.unsupported(f"WrappingAlgorithm {WrappingAlgorithm} for key spec {key.spec.name}")
        bits = _BITS.get(WrappingKeySpec)
        if bits is None:
            raise failures.unsupported(f"WrappingKeySpec {WrappingKeySpec}")
        pair = await asyncio.to_thread(generate_transfer_key, bits)
        valid_to_ms = call.now_ms + DAY_MS
        transfer = Transfer(WrappingAlgorithm, valid_to_ms, pair.private)
        return {
            "KeyId": key.arn,
            "ImportToken": import_token(self._keyring, key.arn, transfer),
            "PublicKey": pair.public,
            "ParametersValidTo": from_milliseconds(valid_to_ms),
        }

    async def import_key_material(
        self,
        call: Call,
        *,
        KeyId: str,
        ImportToken: bytes,
        EncryptedKeyMaterial: bytes,
        ValidTo: datetime | None = None,
        ExpirationModel: str | None = None,
        ImportType: str | None = None,
        KeyMaterialDescription: str | None = None,
        KeyMaterialId: str | None = None,
    ) -> dict[str, object]:
        """Take key material that its owner wrapped."""
        expires_ms = _expiry(ExpirationModel, ValidTo, call.now_ms)
        context: MutableContext = {"kms:expirationmodel": ExpirationModel or _EXPIRES}
        if ValidTo is not None:
            context["kms:validto"] = ValidTo.strftime("%Y-%m-%dT%H:%M:%SZ")

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:ImportKeyMaterial", KeyId, context=context)
            key.require_origin(EXTERNAL)
            key.require_kept()
            arrival = Arrival(
                wrapped=self._keyring.keep_material(
                    key.sealing_name, self._unwrapped(key, ImportToken, EncryptedKeyMaterial, call.now_ms)
                ),
                import_type=ImportType,
                material_id=KeyMaterialId,
                description=KeyMaterialDescription,
                expires_ms=expires_ms,
            )
            material_id = accept(transaction, key, arrival, call.now_ms)
            return _answer(key, material_id)

        return dict(await call.write(work))

    async def delete_imported_key_material(
        self, call: Call, *, KeyId: str, KeyMaterialId: str | None = None
    ) -> dict[str, object]:
        """Delete key material that was imported. The key cannot be used until the same material comes back."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:DeleteImportedKeyMaterial", KeyId)
            key.require_origin(EXTERNAL)
            wanted = KeyMaterialId or key.record.material_id
            if not wanted:  # nothing was ever imported, so there is nothing to delete
                return {"KeyId": key.arn}
            for material in material_records.materials_of_key(transaction, key.arn):
                if material.material_id == wanted:
                    remove(transaction, key.record, material)
                    return _answer(key, wanted)
            raise failures.material_not_found(wanted)

        return dict(await call.write(work))

    def _unwrapped(self, key: Key, token: bytes, wrapped: bytes, now_ms: int) -> bytes:
        """The material in clear.

        Raises:
            AwsError: ``InvalidImportTokenException``, ``ExpiredImportTokenException``, ``InvalidCiphertextException``
                or ``IncorrectKeyMaterialException``.
        """
        transfer = open_import_token(self._keyring, key.arn, token, now_ms)
        try:
            material = unwrap_material(transfer.private, transfer.algorithm, wrapped)
        except InvalidCiphertext:
            raise failures.invalid_ciphertext() from None
        if len(material) != key.spec.material_bytes:
            raise failures.incorrect_material(
                f"The key material of a key with key spec {key.spec.name} has {key.spec.material_bytes} bytes."
            )
        return material


def _answer(key: Key, material_id: str) -> dict[str, object]:
    answer: dict[str, object] = {"KeyId": key.arn}
    if key.spec.has_many_materials:
        answer["KeyMaterialId"] = material_id
    return answer


def _expiry(model: str | None, valid_to: datetime | None, now_ms: int) -> int | None:
    """When imported material is to be deleted, in milliseconds since the epoch; None for never.

    Raises:
        AwsError: ``ValidationException``.
    """
    if (model or _EXPIRES) != _EXPIRES:
        if valid_to is not None:
            raise failures.validation("A validTo date must not be set if the ExpirationModel is " + str(model))
        return None
    if valid_to is None:
        raise failures.validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
    expires_ms = to_milliseconds(valid_to)
    if not now_ms < expires_ms <= now_ms + _LONGEST_DAYS * DAY_MS:
        raise failures.validation(f"ValidTo must be in the future, and at most {_LONGEST_DAYS} days from now.")
    return expires_ms
