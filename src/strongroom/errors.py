"""The two families of errors, one for each reader.

    StrongroomError
    ├── AwsError          for the caller: an AWS error code and text, answered in the caller's protocol
    │   └── AccessDenied  the policy engine said no
    └── OperatorError     for the operator: what failed, why, and what to do next

Neither ever carries a secret value, a key or a password: texts are built from identifiers only.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AccessDenied", "AwsError", "OperatorError", "StrongroomError"]


class StrongroomError(Exception):
    """Base of every error this project raises on purpose."""


class AwsError(StrongroomError):
    """An error that the caller of an AWS operation receives.

    Args:
        code: The error code as clients match on it, such as ``ResourceNotFoundException``. For JSON protocols this
            is the bare shape name; for Query protocols the ``code`` of the shape.
        message: AWS's text. It names resources, never secret bytes.
        status: HTTP status. AWS answers 400 for client errors of JSON services and 500 for internal ones.
        members: Further members of the error's shape besides the message (for example ``Reasons``).
        is_common: It is one that every service shares, even where a service's model has an error of the same name.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        members: Mapping[str, object] | None = None,
        is_common: bool = False,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, object] = members or {}
        self.is_common = is_common

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class AccessDenied(AwsError):
    """The policy engine refused. Raised by the authorisation helper only, so that the audit trail can tell."""

    def __init__(self, message: str) -> None:
        super().__init__("AccessDeniedException", message)


class OperatorError(StrongroomError):
    """Something that the operator of the installation has to mend.

    Args:
        what: What failed, in plain words.
        why: The cause, if it is known.
        fix: The next step to take.
    """

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def diagnostics(self) -> str:
        """The whole story for a person: what failed, why, and what to do."""
        lines = [self.what]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)
