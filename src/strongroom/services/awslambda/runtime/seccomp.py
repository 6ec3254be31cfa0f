"""The system-call filter of a function process, as a classic BPF program.

A deny list: what an ordinary program never needs and what past escapes from containers were built on. Refused calls
fail with EPERM, so programs that only probe for a feature carry on. The format is the kernel's ``struct sock_filter``
array over ``struct seccomp_data`` (Linux "Seccomp BPF (SECCOMP filter)"); bubblewrap loads it from a descriptor.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

__all__ = ["SUPPORTED_MACHINES", "filter_program"]

# Opcodes: linux/bpf_common.h.
_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

# Offsets into struct seccomp_data; arguments are 64 bits wide, and both machines are little-endian.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_FAIL = 0x00050000

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: every flag of clone() that makes a namespace.
_NAMESPACE_FLAGS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_X32_BIT = 0x40000000
_SOCKET_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (getaddrinfo asks it for addresses)
_TERMINAL_REQUESTS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: type into somebody's terminal


@dataclass(frozen=True, slots=True)
class _Machine:
    architecture: int  # AUDIT_ARCH_*, linux/audit.h
    clone: int
    clone3: int
    socket: int
    ioctl: int
    denied: dict[str, int]


# Numbers that are the same on every machine (calls newer than 2019).
_COMMON = {
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "memfd_secret": 447,
}

# memfd_create, shmget and msgget hand out memory that no resource limit of the process counts.
_MACHINES = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        clone=56,
        clone3=435,
        socket=41,
        ioctl=16,
        denied=_COMMON
        | {
            "shmget": 29,
            "msgget": 68,
            "ptrace": 101,
            "syslog": 103,
            "uselib": 134,
            "personality": 135,
            "modify_ldt": 154,
            "pivot_root": 155,
            "chroot": 161,
            "acct": 163,
            "settimeofday": 164,
            "mount": 165,
            "umount2": 166,
            "swapon": 167,
            "swapoff": 168,
            "reboot": 169,
            "iopl": 172,
            "ioperm": 173,
            "init_module": 175,
            "delete_module": 176,
            "quotactl": 179,
            "lookup_dcookie": 212,
            "clock_settime": 227,
            "kexec_load": 246,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "perf_event_open": 298,
            "fanotify_init": 300,
            "name_to_handle_at": 303,
            "open_by_handle_at": 304,
            "setns": 308,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "kcmp": 312,
            "finit_module": 313,
            "memfd_create": 319,
            "kexec_file_load": 320,
            "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": _Machine(
        architecture=0xC00000B7,
        clone=220,
        clone3=435,
        socket=198,
        ioctl=29,
        denied=_COMMON
        | {
            "lookup_dcookie": 18,
            "umount2": 39,
            "mount": 40,
            "pivot_root": 41,
            "chroot": 51,
            "quotactl": 60,
            "acct": 89,
            "personality": 92,
            "unshare": 97,
            "kexec_load": 104,
            "init_module": 105,
            "delete_module": 106,
            "clock_settime": 112,
            "syslog": 116,
            "ptrace": 117,
            "reboot": 142,
            "settimeofday": 170,
            "msgget": 186,
            "shmget": 194,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "swapon": 224,
            "swapoff": 225,
            "perf_event_open": 241,
            "fanotify_init": 262,
            "name_to_handle_at": 264,
            "open_by_handle_at": 265,
            "setns": 268,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "kcmp": 272,
            "finit_module": 273,
            "memfd_create": 279,
            "bpf": 280,
            "userfaultfd": 282,
            "kexec_file_load": 294,
        },
    ),
}

SUPPORTED_MACHINES = frozenset(_MACHINES)
"""Machine names, as ``os.uname().machine`` gives them, that a filter exists for."""


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One ``struct sock_filter``; the jumps count instructions to skip."""
    return struct.pack("<HBBI", code, if_true, if_false, value)


def filter_program(machine: str) -> bytes:
    """The filter for ``machine`` as an array of ``struct sock_filter``.

    Args:
        machine: A member of `SUPPORTED_MACHINES`.

    Raises:
        KeyError: There is no filter for this machine.
    """
    target = _MACHINES[machine]
    denied = _instruction(_RETURN, _FAIL | errno.EPERM)
    unknown = _instruction(_RETURN, _FAIL | errno.ENOSYS)
    allowed = _instruction(_RETURN, _ALLOW)
    program = [
        _instruction(_LOAD_WORD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, target.architecture, if_true=1),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD_WORD, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 calling convention has the same architecture and other numbers
        program += [_instruction(_JUMP_AT_LEAST, _X32_BIT, if_false=1), unknown]
    for number in sorted(target.denied.values()):
        program += [_instruction(_JUMP_EQUAL, number, if_false=1), denied]
    # clone3 keeps its flags in memory, where a filter cannot look; without it the C library falls back to clone.
    program += [_instruction(_JUMP_EQUAL, target.clone3, if_false=1), unknown]
    program += [
        _instruction(_JUMP_EQUAL, target.clone, if_false=4),
        _instruction(_LOAD_WORD, _FIRST_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, _NAMESPACE_FLAGS, if_false=1),
        denied,
        allowed,
    ]
    families = [
        _instruction(_JUMP_EQUAL, family, if_true=len(_SOCKET_FAMILIES) - index)
        for index, family in enumerate(_SOCKET_FAMILIES)
    ]
    program += [
        _instruction(_JUMP_EQUAL, target.socket, if_false=len(families) + 3),
        _instruction(_LOAD_WORD, _FIRST_ARGUMENT),
        *families,
        _instruction(_RETURN, _FAIL | errno.EAFNOSUPPORT),
        allowed,
    ]
    program += [
        _instruction(_JUMP_EQUAL, target.ioctl, if_false=5),
        _instruction(_LOAD_WORD, _SECOND_ARGUMENT),
        _instruction(_JUMP_EQUAL, _TERMINAL_REQUESTS[0], if_true=2),
        _instruction(_JUMP_EQUAL, _TERMINAL_REQUESTS[1], if_true=1),
        allowed,
        denied,
    ]
    # The last block above ends in a denial that only its own jumps reach; every other path comes here.
    program.append(allowed)
    return b"".join(program)
