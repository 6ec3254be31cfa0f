"""What a client is told when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

__all__ = ["error_of", "refusal", "told"]


def told(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """The code and message of an error that was caught."""
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def refusal(call: Callable[..., object], **parameters: Any) -> tuple[str, str]:
    """The code and message with which a call is refused."""
    return error_of(call, **parameters)[:2]


def error_of(call: Callable[..., object], **parameters: Any) -> tuple[str, str, int]:
    """The code, message and HTTP status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return *told(caught), caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
