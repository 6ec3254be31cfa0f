"""Give the root key to a child process over an inherited file descriptor.

Arguments and environment of a process can be read by others; a pipe can be read once. The parent offers the key and
passes the descriptor on to the child, and the child receives the key and has closed the descriptor when it goes on.
"""

from __future__ import annotations

import os
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.kdf import KEY_LENGTH
from strongroom.keyring.root import FINGERPRINT_LENGTH, RootKey

__all__ = ["offer_root_key", "receive_root_key"]

_MESSAGE_LENGTH: Final = KEY_LENGTH + FINGERPRINT_LENGTH


def offer_root_key(root_key: RootKey) -> int:
    """Make a pipe that holds the root key and its fingerprint.

    The message is far smaller than a pipe's buffer, so it is written before the child exists.

    Returns:
        The descriptor to read from, for one child (``subprocess.Popen(..., pass_fds=[descriptor])``). The caller
        closes its own copy as soon as the child has started.
    """
    reader, writer = os.pipe()
    try:
        os.write(writer, root_key.expose() + bytes.fromhex(root_key.fingerprint))
    finally:
        os.close(writer)
    return reader


def receive_root_key(descriptor: int) -> RootKey:
    """Take the root key from the descriptor that the parent offered, and close it.

    Raises:
        OperatorError: The descriptor is not open, or does not hold a root key.
    """
    fix = "Start this process through `strongroom serve`, which hands the root key over."
    try:
        with os.fdopen(descriptor, "rb") as pipe:
            message = pipe.read(_MESSAGE_LENGTH + 1)
    except OSError as error:
        raise OperatorError(
            f"No root key could be received on file descriptor {descriptor}.",
            why=error.strerror or type(error).__name__,
            fix=fix,
        ) from error
    if len(message) == _MESSAGE_LENGTH:
        root_key = RootKey(message[:KEY_LENGTH])
        if bytes.fromhex(root_key.fingerprint) == message[KEY_LENGTH:]:
            return root_key
    raise OperatorError(
        f"What came on file descriptor {descriptor} is not a root key.",
        why="Its length or fingerprint is wrong.",
        fix=fix,
    )
