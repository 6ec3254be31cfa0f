"""A real MySQL server, on loopback, with its own data folder and TLS. Debian has none, so it is there on demand only.

``STRONGROOM_MYSQL`` names a folder with the program ``mysqld`` and its ``share/mysql``; CONTRIBUTING.md says where to
get one.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.certificates import write_certificate
from tests.support.databases_mariadb import STOP_SECONDS, MariaDBServer, free_port, wait_until_ready

__all__ = ["MYSQL", "start_mysql"]

MYSQL = os.environ.get("STRONGROOM_MYSQL")


@contextmanager
def start_mysql() -> Iterator[MariaDBServer]:
    """Create a server, and end it with the block; it is used as a MariaDB is. Skips the test where there is none."""
    if not MYSQL:
        pytest.skip("STRONGROOM_MYSQL names no folder with a mysqld")
    with tempfile.TemporaryDirectory(prefix="mysql-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        data, log = folder / "data", folder / "data" / "general.log"
        certificate, key = write_certificate(folder, name="mysql")
        key.chmod(0o644)
        password, port = secrets.token_urlsafe(18), free_port()
        start = folder / "start.sql"
        start.write_text(
            f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
            "GRANT PROXY ON ''@'' TO root@'127.0.0.1' WITH GRANT OPTION;\n"
            f"ALTER USER root@localhost IDENTIFIED BY '{password}';\n"
        )
        command = [f"{MYSQL}/mysqld", "--no-defaults", f"--datadir={data}", f"--basedir={MYSQL}"]
        command += ["--user=root"] if os.getuid() == 0 else []
        subprocess.run([*command, "--initialize-insecure"], check=True, capture_output=True)
        command += [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/socket", f"--pid-file={data}/pid"]
        command += [f"--init-file={start}", f"--ssl-cert={certificate}", f"--ssl-key={key}", f"--ssl-ca={certificate}"]
        command += ["--general-log=1", f"--general-log-file={log}", "--innodb-flush-log-at-trx-commit=0"]
        command += ["--innodb-buffer-pool-size=16M", "--skip-name-resolve", "--secure-file-priv="]
        with (folder / "server.log").open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        running = MariaDBServer("127.0.0.1", port, password, certificate, log)
        try:
            wait_until_ready(running, server, folder / "server.log")
            yield running
        finally:
            server.kill()
            server.wait(STOP_SECONDS)
