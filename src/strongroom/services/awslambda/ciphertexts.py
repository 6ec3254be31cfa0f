"""The environments of functions, as KMS sees them when it brings ciphertexts to newer key material."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import bindparam, func, literal, select, union_all, update

from strongroom.services.awslambda.variables import environment_context
from strongroom.services.clients import HeldCiphertext
from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_versions, functions

__all__ = ["FunctionCiphertexts"]

_F, _V = functions.c, function_versions.c

_HELD: Final = union_all(
    select(_F.arn.label("arn"), literal(0).label("version"), _F.environment_key, _F.environment).where(
        _F.environment_key.is_not(None), _F.environment.is_not(None)
    ),
    select(_V.function_arn.label("arn"), _V.version.label("version"), _V.environment_key, _V.environment).where(
        _V.environment_key.is_not(None), _V.environment.is_not(None)
    ),
).subquery()
_COUNT: Final = Statement(select(func.count()).select_from(_HELD))
_PAGE: Final = Statement(
    select(_HELD)
    .where(
        (_HELD.c.arn > bindparam("after_arn"))
        | ((_HELD.c.arn == bindparam("after_arn")) & (_HELD.c.version > bindparam("after_version")))
    )
    .order_by(_HELD.c.arn, _HELD.c.version)
    .limit(bindparam("most"))
)
_REPLACE: Final = Statement(
    update(functions).where(_F.arn == bindparam("this_arn")).values(environment=bindparam("environment"))
)
_REPLACE_VERSION: Final = Statement(
    update(function_versions)
    .where(_V.function_arn == bindparam("this_arn"), _V.version == bindparam("this_version"))
    .values(environment=bindparam("environment"))
)


class FunctionCiphertexts:
    """Implements `strongroom.services.clients.CiphertextHolder`. A position is a function's ARN and a version, or 0."""

    name = "functions"

    def count(self, transaction: Transaction) -> int:
        """How many functions and versions have variables."""
        row = transaction.one(_COUNT)
        return 0 if row is None else int(row[0])

    def page(self, transaction: Transaction, after: str, most: int) -> list[HeldCiphertext]:
        """Up to ``most`` environments behind a position."""
        arn, version = json.loads(after) if after else ("", -1)
        rows = transaction.all(_PAGE, {"after_arn": arn, "after_version": version, "most": most})
        return [
            HeldCiphertext(
                position=json.dumps([arn, version]),
                key_arn=key_arn,
                ciphertext=bytes(environment),
                context=environment_context(arn),
            )
            for arn, version, key_arn, environment in rows
        ]

    def replace(self, transaction: Transaction, held: HeldCiphertext, ciphertext: bytes) -> None:
        """Give a function or version the same environment under newer key material."""
        arn, version = json.loads(held.position)
        if version:
            transaction.run(_REPLACE_VERSION, {"this_arn": arn, "this_version": version, "environment": ciphertext})
        else:
            transaction.run(_REPLACE, {"this_arn": arn, "environment": ciphertext})
