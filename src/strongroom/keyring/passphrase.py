"""Take a passphrase from where the operator keeps it.

A passphrase is never an argument or an environment variable, which other programs can see. It comes from a
prompt, from an inherited file descriptor, from a file, or from a credential that systemd hands to the service
(systemd.exec(5), "Credentials"). PINs of tokens and shares come the same ways.
"""

from __future__ import annotations

import getpass
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from strongroom.errors import OperatorError

__all__ = ["MAX_PASSPHRASE_LENGTH", "read_passphrase"]

MAX_PASSPHRASE_LENGTH: Final = 4096
"""The most bytes that a passphrase may have."""

_SOURCES: Final = "Use prompt, fd:N (an open file descriptor), file:/path, or credential:NAME (from systemd)."
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


def read_passphrase(
    source: str,
    *,
    confirm: bool = False,
    prompt: Callable[[str], str] = getpass.getpass,
    question: str = "Passphrase",
) -> bytes:
    """Read a passphrase, or another secret text.

    Args:
        source: ``prompt``, ``fd:N`` to read the file descriptor N to its end and close it, ``file:/path``, or
            ``credential:NAME`` for a credential of this service. One line ending at the end is not part of the
            passphrase.
        confirm: Ask twice at a prompt, for a passphrase that is being set.
        prompt: How to ask a person: shows the text and answers with what was typed, without showing it.
        question: What a person is asked for, in a word or two.

    Raises:
        OperatorError: There is no such source, it cannot be read, it is empty or longer than
            `MAX_PASSPHRASE_LENGTH`, a file is readable by everyone, or the two answers differ.
    """
    kind, _, place = source.partition(":")
    if source == "prompt":
        passphrase = _ask(prompt, question, confirm=confirm)
    elif kind == "fd" and place.isascii() and place.isdecimal():
        passphrase = _read_descriptor(int(place))
    elif kind == "file" and place:
        passphrase = _read_file(Path(place))
    elif kind == "credential" and place:
        passphrase = _read_file(_credential(place))
    else:
        raise OperatorError("The source of the passphrase is not one of those known.", fix=_SOURCES)
    if not 0 < len(passphrase) <= MAX_PASSPHRASE_LENGTH:
        raise OperatorError(
            "The passphrase is empty or too long.",
            why=f"It has between 1 and {MAX_PASSPHRASE_LENGTH} bytes.",
            fix="Check that the source holds the passphrase and nothing else.",
        )
    return passphrase


def _ask(prompt: Callable[[str], str], question: str, *, confirm: bool) -> bytes:
    try:
        answer = prompt(f"{question}: ")
        if confirm and prompt(f"The same {question.lower()} again: ") != answer:
            raise OperatorError("The two passphrases differ.", fix="Try again and type the same one twice.")
    except EOFError:
        raise OperatorError(
            f"Nobody answered the question for: {question}.", why="There is no terminal to ask at.", fix=_SOURCES
        ) from None
    return answer.encode("utf-8", "surrogateescape")


def _credential(name: str) -> Path:
    folder = os.environ.get(_CREDENTIALS)
    if folder is None or "/" in name:
        raise OperatorError(
            f"There is no credential {name} for this service.",
            why=f"{_CREDENTIALS} is not set." if folder is None else "A credential's name holds no slash.",
            fix=f"Add LoadCredential={name.rpartition('/')[2]}:/path to the service's unit, or use file:/path.",
        )
    return Path(folder) / name


def _read_descriptor(descriptor: int) -> bytes:
    try:
        with os.fdopen(descriptor, "rb") as file:
            return _read_line(file)
    except OSError as error:
        raise OperatorError(
            f"The passphrase could not be read from file descriptor {descriptor}.",
            why=error.strerror or type(error).__name__,
            fix="Check that whatever starts Strongroom passes this descriptor on, open for reading.",
        ) from error


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            passphrase = _read_line(file)
    except OSError as error:
        raise OperatorError(
            f"The passphrase could not be read from {path}.",
            why=error.strerror or type(error).__name__,
            fix="Check the path and that the user that runs Strongroom may read it.",
        ) from error
    # The group bits of a systemd credential show the mask of its access list, so only "others" can be judged.
    if status.st_mode & stat.S_IROTH:
        raise OperatorError(f"The file {path} is readable by every user of this machine.", fix=f"Run: chmod 600 {path}")
    return passphrase


def _read_line(file: BinaryIO) -> bytes:
    content = file.read(MAX_PASSPHRASE_LENGTH + 3)
    return content.removesuffix(b"\n").removesuffix(b"\r")
