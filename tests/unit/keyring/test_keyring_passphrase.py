"""Where a passphrase comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.errors import OperatorError
from strongroom.keyring import read_passphrase
from strongroom.keyring.passphrase import MAX_PASSPHRASE_LENGTH

LINES = pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"word", b"word"),
        (b"word\n", b"word"),
        (b"word\r\n", b"word"),
        (b"word\n\n", b"word\n"),
        (b" w\xc3\xb6rd ", b" w\xc3\xb6rd "),
        (b"w" * MAX_PASSPHRASE_LENGTH + b"\r\n", b"w" * MAX_PASSPHRASE_LENGTH),
    ],
)


def pipe_with(content: bytes) -> int:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return reader


def file_with(folder: Path, content: bytes) -> Path:
    path = folder / "passphrase"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@LINES
def test_from_a_descriptor_which_is_closed_afterwards(content: bytes, expected: bytes) -> None:
    descriptor = pipe_with(content)
    assert read_passphrase(f"fd:{descriptor}") == expected
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@LINES
def test_from_a_file(tmp_path: Path, content: bytes, expected: bytes) -> None:
    assert read_passphrase(f"file:{file_with(tmp_path, content)}") == expected


def test_a_file_that_everyone_may_read_is_refused_and_a_shared_group_is_not(tmp_path: Path) -> None:
    path = file_with(tmp_path, b"word")
    path.chmod(0o440)
    assert read_passphrase(f"file:{path}") == b"word"
    path.chmod(0o444)
    with pytest.raises(OperatorError, match="readable by every user") as caught:
        read_passphrase(f"file:{path}")
    assert f"chmod 600 {path}" in caught.value.fix


def test_from_a_prompt() -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "wörd\udcff"

    # A byte that the terminal's encoding could not read comes back as the byte that it was.
    assert read_passphrase("prompt", prompt=prompt) == "wörd".encode() + b"\xff"
    assert read_passphrase("prompt", confirm=True, prompt=prompt) == "wörd".encode() + b"\xff"
    assert asked == ["Passphrase: ", "Passphrase: ", "The same passphrase again: "]


def test_two_different_answers_are_refused() -> None:
    answers = iter(["first answer", "second answer"])
    with pytest.raises(OperatorError) as caught:
        read_passphrase("prompt", confirm=True, prompt=lambda _: next(answers))
    assert "answer" not in caught.value.diagnostics()


@pytest.mark.parametrize("content", [b"", b"\n", b"w" * (MAX_PASSPHRASE_LENGTH + 1), b"w" * 20_000])
def test_an_empty_or_endless_passphrase_is_refused(content: bytes) -> None:
    with pytest.raises(OperatorError, match="empty or too long"):
        read_passphrase(f"fd:{pipe_with(content)}")


@pytest.mark.parametrize("source", ["", "PROMPT", "fd:", "fd:-1", "fd:x", "fd:²", "file:", "env:NAME", "the words"])
def test_another_source_is_refused_without_repeating_it(source: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read_passphrase(source)
    assert "fd:N" in caught.value.fix
    assert "the words" not in caught.value.diagnostics()


@pytest.mark.parametrize("source", ["fd:987654", "file:/no/such/file", "file:/"])
def test_a_source_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(OperatorError, match="could not be read"):
        read_passphrase(source)


def test_from_a_credential_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(OperatorError, match="no credential") as caught:
        read_passphrase("credential:passphrase")
    assert "LoadCredential=passphrase:" in caught.value.fix
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file_with(tmp_path, b"word\n")
    assert read_passphrase("credential:passphrase") == b"word"
    for name in ("../passphrase", "missing"):
        with pytest.raises(OperatorError):
            read_passphrase(f"credential:{name}")


def test_nobody_at_the_prompt_is_told() -> None:
    def closed(_: str) -> str:
        raise EOFError

    with pytest.raises(OperatorError, match="Nobody answered"):
        read_passphrase("prompt", prompt=closed)
