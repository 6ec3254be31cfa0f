"""The system-call filter, run by a small interpreter of its instruction set."""

from __future__ import annotations

import errno
import struct

import pytest

from strongroom.services.awslambda.runtime.seccomp import SUPPORTED_MACHINES, filter_program

ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def judge(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says to one system call."""
    data = struct.pack("<IIQ", number, architecture or ARCHITECTURES[machine], 0)
    data += b"".join(struct.pack("<Q", argument) for argument in arguments) + bytes(48 - 8 * len(arguments))
    program = list(struct.iter_unpack("<HBBI", filter_program(machine)))
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return int(value)
        else:
            truth = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += if_true if truth else if_false


CALLS = {
    "x86_64": {"read": 0, "ptrace": 101, "mount": 165, "bpf": 321, "unshare": 272, "clone": 56, "clone3": 435},
    "aarch64": {"read": 63, "ptrace": 117, "mount": 40, "bpf": 280, "unshare": 97, "clone": 220, "clone3": 435},
}
SOCKET = {"x86_64": 41, "aarch64": 198}
IOCTL = {"x86_64": 16, "aarch64": 29}


@pytest.mark.parametrize("machine", sorted(SUPPORTED_MACHINES))
def test_denies_what_it_must_and_allows_the_rest(machine: str) -> None:
    calls = CALLS[machine]
    assert judge(machine, calls["read"]) == ALLOW
    for name in ("ptrace", "mount", "bpf", "unshare"):
        assert judge(machine, calls[name]) == FAIL | errno.EPERM
    assert judge(machine, calls["clone3"]) == FAIL | errno.ENOSYS
    assert judge(machine, calls["read"], architecture=0x40000003) == KILL


@pytest.mark.parametrize("machine", sorted(SUPPORTED_MACHINES))
def test_clone_makes_threads_but_no_namespaces(machine: str) -> None:
    clone = CALLS[machine]["clone"]
    assert judge(machine, clone, 0x3D0F00) == ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert judge(machine, clone, flag | 17) == FAIL | errno.EPERM


@pytest.mark.parametrize("machine", sorted(SUPPORTED_MACHINES))
def test_sockets_of_the_usual_families_only(machine: str) -> None:
    for family in (1, 2, 10, 16):
        assert judge(machine, SOCKET[machine], family) == ALLOW
    for family in (17, 38, 40):
        assert judge(machine, SOCKET[machine], family) == FAIL | errno.EAFNOSUPPORT


@pytest.mark.parametrize("machine", sorted(SUPPORTED_MACHINES))
def test_nothing_types_into_a_terminal(machine: str) -> None:
    assert judge(machine, IOCTL[machine], 0, 0x5401) == ALLOW
    assert judge(machine, IOCTL[machine], 0, 0x5412) == FAIL | errno.EPERM
    assert judge(machine, IOCTL[machine], 0, 0x541C) == FAIL | errno.EPERM


def test_the_x32_convention_is_unknown() -> None:
    assert judge("x86_64", 0x40000000 | 101) == FAIL | errno.ENOSYS
