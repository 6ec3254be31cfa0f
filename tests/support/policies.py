"""Policies in few words, and the errors that they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

__all__ = ["allow", "deny", "document", "refusal", "refusal_code"]


def allow(*actions: str, resource: str | Sequence[str] = "*", **others: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **others}


def deny(*actions: str, resource: str | Sequence[str] = "*", **others: Any) -> dict[str, Any]:
    """A statement that denies."""
    return {**allow(*actions, resource=resource, **others), "Effect": "Deny"}


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def refusal(client: Any, operation: str, **parameters: Any) -> tuple[str, str]:
    """Call an operation that must be refused by the caller's fault; answers the code and the message."""
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**parameters)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] < 500, response
    return response["Error"]["Code"], response["Error"]["Message"]


def refusal_code(client: Any, operation: str, **parameters: Any) -> str:
    """The code of `refusal`."""
    return refusal(client, operation, **parameters)[0]
