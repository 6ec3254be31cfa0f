"""The machine's own entropy: every UUID once, also in a forked process and in threads."""

from __future__ import annotations

import os
import threading
import uuid

from strongroom.world import SystemEntropy


def test_uuids_have_the_form_of_version_4() -> None:
    for _ in range(200):
        text = SystemEntropy().uuid()
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)


def test_no_uuid_comes_twice_in_threads() -> None:
    found: list[str] = []

    def take() -> None:
        found.extend([SystemEntropy().uuid() for _ in range(2000)])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


def test_a_forked_process_makes_uuids_of_its_own() -> None:
    SystemEntropy().uuid()  # puts some by
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, " ".join(SystemEntropy().uuid() for _ in range(100)).encode())
        os._exit(0)
    os.close(writing)
    mine = {SystemEntropy().uuid() for _ in range(100)}
    with os.fdopen(reading) as pipe:
        theirs = set(pipe.read().split())
    os.waitpid(child, 0)
    assert len(mine | theirs) == 200
