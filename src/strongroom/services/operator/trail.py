"""The audit trail as an operator secures it."""

from __future__ import annotations

import asyncio

from strongroom.audit import Checkpoints
from strongroom.errors import AwsError, OperatorError
from strongroom.services.call import Call

__all__ = ["TrailOperations"]


class TrailOperations:
    """The operations on the trail of the host that answers.

    Args:
        checkpoints: Makes its checkpoints.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    async def create_audit_checkpoint(self, call: Call) -> dict[str, object]:
        """Sign how far the trail reaches.

        Raises:
            AwsError: Access denied, nothing was recorded yet, or the trail is not what it was at the last checkpoint.
        """
        call.authorize("strongroom:CreateAuditCheckpoint", "*")
        try:
            made = await asyncio.to_thread(self._checkpoints.make)
        except OperatorError as error:
            raise AwsError("InvalidRequestException", f"{error.what} {error.why}") from error
        if made is None:
            raise AwsError("InvalidRequestException", "The audit trail holds no record yet.")
        return {"Sequence": made.sequence, "Checkpoint": made.line.decode()}
