"""The one error of this room that reaches a caller: the trail cannot record, so there is no answer."""

from __future__ import annotations

from strongroom.errors import OperatorError

__all__ = ["AuditUnavailable", "SinkUnavailable"]


class AuditUnavailable(OperatorError):
    """The trail could not make a record durable. Whoever waited for that record must not answer or commit.

    Carries ``what`` failed, ``why`` (the system's own words) and ``fix`` (the operator's next step). The caller of an
    AWS operation only learns that the service has an internal error.
    """

    def again(self) -> AuditUnavailable:
        """A fresh copy, so that every waiter raises its own instance with its own traceback."""
        return AuditUnavailable(self.what, why=self.why, fix=self.fix)


class SinkUnavailable(AuditUnavailable):
    """A sink that must record as well does not. The trail's own file is whole."""
