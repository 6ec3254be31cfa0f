"""The root key on its way into a child process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey, offer_root_key, receive_root_key

CHILD = """
import sys
from strongroom.keyring import receive_root_key
print(receive_root_key(int(sys.argv[1])).fingerprint)
"""


def pipe_with(content: bytes) -> int:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return reader


def test_a_child_process_receives_the_key(root_key: RootKey) -> None:
    descriptor = offer_root_key(root_key)
    try:
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(descriptor)],
            pass_fds=[descriptor],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        os.close(descriptor)
    assert child.stdout.strip() == root_key.fingerprint


def test_the_key_is_received_whole_and_once(root_key: RootKey) -> None:
    descriptor = offer_root_key(root_key)
    assert receive_root_key(descriptor).expose() == root_key.expose()
    with pytest.raises(OperatorError, match="No root key could be received"):
        receive_root_key(descriptor)


def test_the_descriptor_is_not_inherited_by_accident(root_key: RootKey) -> None:
    descriptor = offer_root_key(root_key)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("change", ["empty", "cut", "longer", "key", "fingerprint"])
def test_anything_but_a_whole_root_key_is_refused(root_key: RootKey, change: str) -> None:
    message = root_key.expose() + bytes.fromhex(root_key.fingerprint)
    changed = {
        "empty": b"",
        "cut": message[:-1],
        "longer": message + b"\0",
        "key": bytes([message[0] ^ 1]) + message[1:],
        "fingerprint": message[:-1] + bytes([message[-1] ^ 1]),
    }[change]
    with pytest.raises(OperatorError, match="not a root key") as caught:
        receive_root_key(pipe_with(changed))
    assert root_key.expose().hex() not in caught.value.diagnostics()
