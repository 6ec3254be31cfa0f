"""The data keys of secret versions, as KMS sees them when it brings ciphertexts to newer key material."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select, update

from strongroom.services.clients import HeldCiphertext
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secret_versions

__all__ = ["SecretCiphertexts"]

_v = secret_versions.c
_HAS_DATA_KEY: Final = and_(_v.data_key.is_not(None), _v.kms_key_arn.is_not(None))

_COUNT: Final = Statement(select(func.count()).select_from(secret_versions).where(_HAS_DATA_KEY))
_PAGE: Final = Statement(
    select(_v.arn, _v.version_id, _v.kms_key_arn, _v.data_key)
    .where(
        _HAS_DATA_KEY,
        or_(
            _v.arn > bindparam("after_arn"),
            and_(_v.arn == bindparam("after_arn"), _v.version_id > bindparam("after_version")),
        ),
    )
    .order_by(_v.arn, _v.version_id)
    .limit(bindparam("most"))
)
_REPLACE: Final = Statement(
    update(secret_versions)
    .where(_v.arn == bindparam("this_arn"), _v.version_id == bindparam("this_version"))
    .values(data_key=bindparam("data_key"))
)


class SecretCiphertexts:
    """Implements `strongroom.services.clients.CiphertextHolder`. A position is the version's ARN and id."""

    name = "secrets"

    def count(self, transaction: Transaction) -> int:
        """How many versions have a value."""
        row = transaction.one(_COUNT)
        return 0 if row is None else int(row[0])

    def page(self, transaction: Transaction, after: str, most: int) -> list[HeldCiphertext]:
        """Up to ``most`` data keys behind a position."""
        arn, version_id = json.loads(after) if after else ("", "")
        rows = transaction.all(_PAGE, {"after_arn": arn, "after_version": version_id, "most": most})
        return [
            HeldCiphertext(
                position=json.dumps([arn, version_id]),
                key_arn=key_arn,
                ciphertext=bytes(data_key),
                context={"SecretARN": arn, "SecretVersionId": version_id},
            )
            for arn, version_id, key_arn, data_key in rows
        ]

    def replace(self, transaction: Transaction, held: HeldCiphertext, ciphertext: bytes) -> None:
        """Give a version the same data key under newer key material."""
        arn, version_id = json.loads(held.position)
        transaction.run(_REPLACE, {"this_arn": arn, "this_version": version_id, "data_key": ciphertext})
