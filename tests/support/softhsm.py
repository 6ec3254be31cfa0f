"""Tokens of SoftHSM2, a PKCS#11 token in software."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from strongroom.keyring.seals import TokenPlace

__all__ = ["MODULE", "PIN", "needs_softhsm", "new_token"]

MODULE = next(
    (
        path
        for path in (
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
        )
        if Path(path).exists()
    ),
    "",
)
PIN = b"846201"

needs_softhsm = pytest.mark.skipif(
    not MODULE or not shutil.which("softhsm2-util"), reason="SoftHSM2 is not installed (apt-get install softhsm2)"
)


def new_token(folder: Path) -> tuple[TokenPlace, dict[str, str]]:
    """Make a token in ``folder``; the place of a key that it does not have yet, and the environment that finds it."""
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    environment = {"SOFTHSM2_CONF": str(configuration)}
    command = ["softhsm2-util", "--init-token", "--free", "--label", "vault", "--so-pin", "12345678"]
    subprocess.run(
        [*command, "--pin", PIN.decode()], check=True, capture_output=True, env={**os.environ, **environment}
    )
    return TokenPlace(MODULE, "vault", "strongroom"), environment
