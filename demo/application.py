"""An application like any other: it reads its credential from the secret and logs in to its database, again and again.

It runs as a process of its own with nothing but its own access key. When PostgreSQL refuses a password it waits
a moment, reads the secret once more and tries once more, as AWS's clients do; a second refusal is a failed login. On
SIGTERM it prints what it counted as one line of JSON.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any

import boto3
import psycopg
from botocore.config import Config

PAUSE_SECONDS = 0.02
RETRY_SECONDS = 1.0
"""How long it waits before it reads the secret again: a rotation that is under way is through by then. AWS asks for
such a retry under the single-user strategy: between the new password and the new label the old one is refused."""


@dataclass
class Count:
    """What happened so far."""

    reads: int = 0
    logins: int = 0
    retries: int = 0
    failed: int = 0
    passwords: int = 0
    last_error: str = ""


class Application:
    """Reads the secret and logs in, for as long as it is left alone."""

    def __init__(self, secret_id: str) -> None:
        self.count = Count()
        self.stopping = False
        self._secret_id = secret_id
        self._client = boto3.client("secretsmanager", config=Config(retries={"mode": "standard"}))
        self._seen: set[str] = set()

    def run(self) -> None:
        """Work until told to stop."""
        while not self.stopping:
            try:
                self._log_in_as_clients_do()
            except Exception as error:  # noqa: BLE001 - an application that dies would show nothing
                self.count.failed += 1
                self.count.last_error = type(error).__name__
            time.sleep(PAUSE_SECONDS)

    def _log_in_as_clients_do(self) -> None:
        try:
            self._log_in()
        except psycopg.OperationalError:
            self.count.retries += 1
            time.sleep(RETRY_SECONDS)
            self._log_in()

    def _log_in(self) -> None:
        credential = self._read()
        with psycopg.connect(
            host=credential["host"],
            port=credential["port"],
            dbname=credential["dbname"],
            user=credential["username"],
            password=credential["password"],
            connect_timeout=10,
        ) as connection:
            connection.execute("SELECT 1")
        self.count.logins += 1

    def _read(self) -> dict[str, Any]:
        text = self._client.get_secret_value(SecretId=self._secret_id)["SecretString"]
        self.count.reads += 1
        credential: dict[str, Any] = json.loads(text)
        self._seen.add(credential["password"])
        self.count.passwords = len(self._seen)
        return credential


def main() -> None:
    """Run until SIGTERM, then print the count."""
    application = Application(sys.argv[1])

    def stop(_number: int, _frame: FrameType | None) -> None:
        application.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    application.run()
    sys.stdout.write(json.dumps(asdict(application.count)) + "\n")


if __name__ == "__main__":
    main()
