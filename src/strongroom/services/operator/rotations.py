"""Rotations as an operator sees and steers them."""

from __future__ import annotations

from typing import Final

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.clients import RotationClient
from strongroom.services.operator.pages import after, token_for
from strongroom.services.operator.shapes import ended_shape, rotation_shape, upcoming_shape
from strongroom.store import Transaction

__all__ = ["RotationOperations"]

_PAGE: Final = 100
_DAYS: Final = 7
_DAY_MS: Final = 86_400_000


class RotationOperations:
    """The operations on rotations.

    Args:
        rotations: The rotations.
    """

    def __init__(self, rotations: RotationClient) -> None:
        self._rotations = rotations

    async def list_rotations(
        self,
        call: Call,
        *,
        States: list[str] | None = None,
        Failing: bool | None = None,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> dict[str, object]:
        """List the last rotation of each secret of the account and region.

        Raises:
            AwsError: Access denied, or the token is none of ours.
        """
        call.authorize("strongroom:ListRotations", "*")
        _, arn = after(NextToken)
        most = MaxResults or _PAGE
        found = await call.read(
            lambda transaction: self._rotations.latest(
                transaction,
                call.account,
                call.region,
                states=States or (),
                failing=bool(Failing),
                after=arn,
                most=most + 1,
            )
        )
        answer: dict[str, object] = {"Rotations": [rotation_shape(view) for view in found[:most]]}
        if len(found) > most:
            answer["NextToken"] = token_for(0, found[most - 1].arn)
        return answer

    async def list_upcoming_rotations(
        self, call: Call, *, Days: int | None = None, MaxResults: int | None = None, NextToken: str | None = None
    ) -> dict[str, object]:
        """List the secrets whose next rotation window opens soon, the earliest first; those that are overdue too.

        Raises:
            AwsError: Access denied, or the token is none of ours.
        """
        call.authorize("strongroom:ListUpcomingRotations", "*")
        behind = after(NextToken)
        until_ms = call.now_ms + (Days or _DAYS) * _DAY_MS
        most = MaxResults or _PAGE
        found = await call.read(
            lambda transaction: self._rotations.upcoming(
                transaction, call.account, call.region, until_ms=until_ms, after=behind, most=most + 1
            )
        )
        answer: dict[str, object] = {"Rotations": [upcoming_shape(view) for view in found[:most]]}
        if len(found) > most:
            last = found[most - 1]
            answer["NextToken"] = token_for(last.opens_ms, last.arn)
        return answer

    async def describe_rotations(self, call: Call, *, SecretId: str, VersionId: str | None = None) -> dict[str, object]:
        """Show the rotations of a secret that are remembered, the newest first, with each run of each step.

        Raises:
            AwsError: Access denied, no such secret, or no such rotation.
        """
        history = await call.read(
            lambda transaction: self._rotations.history(transaction, call, _action(call), SecretId)
        )
        shown = [view for view in history.rotations if VersionId in {None, view.token}]
        if VersionId is not None and not shown:
            raise AwsError("ResourceNotFoundException", "No rotation of this secret that is remembered has this id.")
        return {
            "ARN": history.arn,
            "Name": history.name,
            "Rotations": [rotation_shape(view, with_steps=True) for view in shown],
        }

    async def retry_rotation(self, call: Call, *, SecretId: str) -> dict[str, object]:
        """Take up the rotation of a secret that is not through at once, with all of its attempts.

        Raises:
            AwsError: Access denied, no such secret, or nothing to take up.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            return ended_shape(self._rotations.retry(transaction, call, _action(call), SecretId))

        return dict(await call.write(work))

    async def abort_rotation(self, call: Call, *, SecretId: str, Force: bool | None = None) -> dict[str, object]:
        """End the rotation of a secret that is not through. The secret's schedule stays.

        Raises:
            AwsError: Access denied, no such secret, nothing to end; or, without ``Force``, the password may have been
                changed already.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            view = self._rotations.abort(transaction, call, _action(call), SecretId, force=bool(Force))
            return ended_shape(view)

        return dict(await call.write(work))


def _action(call: Call) -> str:
    return f"strongroom:{call.operation}"
