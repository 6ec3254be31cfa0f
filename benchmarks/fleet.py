"""A fleet: many secrets whose rotation falls due in one window, against one PostgreSQL.

python -m benchmarks.fleet --secrets 1000

Each secret holds the password of a database role of its own. The server is stopped, the windows of all secrets are
opened in its store, and the time runs from its next start until every rotation is through; then every password must log
in. How many steps ran at one time and how long they took comes from the journal of rotations, the time in the database
from PostgreSQL's own statistics (``pg_stat_database``): its sessions, and the statements in them. ``--json`` prints
JSON.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.support.rotation import Rig, RotatedSecret, rotation_rig

_OPEN_WINDOWS = (
    "UPDATE secrets SET rotation_enabled = 1, rotation_function_arn = ?, rotation_after_days = 30, "
    "next_window_opens_ms = ?, next_window_closes_ms = ? WHERE name LIKE 'rotation/%'"
)
_TIMES = "SELECT session_time / 1000, active_time / 1000 FROM pg_stat_database WHERE datname = 'postgres'"
_POLL_SECONDS = 0.5
_LONGEST_SECONDS = 3600.0
_HOUR_MS = 3_600_000


def _store(rig: Rig) -> Path:
    return rig.server.data_dir / "store.sqlite"


def _open_windows(rig: Rig, function_arn: str) -> None:
    """Make every secret due now."""
    now_ms = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(_store(rig))) as store:
        store.execute(_OPEN_WINDOWS, (function_arn, now_ms, now_ms + _HOUR_MS))
        store.commit()


def _wait_for(rig: Rig, count: int) -> None:
    """Wait until so many rotations are through."""
    until = time.monotonic() + _LONGEST_SECONDS
    with closing(sqlite3.connect(f"file:{_store(rig)}?mode=ro", uri=True)) as store:
        while store.execute("SELECT count(*) FROM rotations WHERE state = 'succeeded'").fetchone()[0] < count:
            if time.monotonic() > until:
                raise TimeoutError("the rotations do not come to their end")
            time.sleep(_POLL_SECONDS)


def _runs(rig: Rig) -> list[tuple[int, int, str | None]]:
    """Begin, end and error of every run of a step."""
    with closing(sqlite3.connect(f"file:{_store(rig)}?mode=ro", uri=True)) as store:
        return store.execute("SELECT started_ms, ended_ms, error FROM rotation_events").fetchall()


def _most_at_once(runs: list[tuple[int, int, str | None]]) -> int:
    """How many steps ran at one time at most."""
    changes = sorted([(began, 1) for began, _, _ in runs] + [(ended, -1) for _, ended, _ in runs])
    most = running = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def _database_seconds(rig: Rig) -> tuple[float, float]:
    """Seconds of all sessions, and of the statements in them, since the server began."""
    with rig.database.admin() as admin:
        row = admin.execute(_TIMES).fetchone()
    assert row is not None
    return float(str(row[0])), float(str(row[1]))


def measure(how_many: int) -> dict[str, float]:
    """Rotate a fleet and answer the figures."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder, rotation_rig(Path(folder)) as rig:
        function = rig.shipped_function()
        fleet: list[RotatedSecret] = [rig.make_secret(function) for _ in range(how_many)]
        before = _database_seconds(rig)
        rig.server.stop()
        _open_windows(rig, function)
        began = time.monotonic()
        rig.restart()
        _wait_for(rig, how_many)
        seconds = time.monotonic() - began
        time.sleep(1)  # PostgreSQL's statistics come a moment late
        sessions, statements = (now - then for now, then in zip(_database_seconds(rig), before, strict=True))
        runs = _runs(rig)
        steps = sum(ended - started for started, ended, _ in runs) / 1000
        return {
            "secrets": how_many,
            "logged_in": sum(secret.logs_in() for secret in fleet),
            "seconds": round(seconds, 1),
            "rotations_per_second": round(how_many / seconds, 1),
            "most_steps_at_once": _most_at_once(runs),
            "failed_runs": sum(error is not None for _, _, error in runs),
            "step_seconds": round(steps, 1),
            "share_in_database_sessions": round(sessions / steps, 3),
            "share_in_database_statements": round(statements / steps, 3),
        }


def main() -> None:
    """Measure and print. Exits 1 when a password does not log in."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--secrets", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = measure(arguments.secrets)
    if arguments.json:
        print(json.dumps(found))
    else:
        print(
            f"{found['secrets']} secrets due at once, rotated in {found['seconds']} s "
            f"({found['rotations_per_second']} a second); {found['logged_in']} log in\n"
            f"  at most {found['most_steps_at_once']} steps at one time, {found['failed_runs']} runs failed\n"
            f"  of the time of all steps {found['share_in_database_sessions']:.0%} in sessions of the database, "
            f"{found['share_in_database_statements']:.0%} in its statements"
        )
    sys.exit(0 if found["logged_in"] == found["secrets"] else 1)


if __name__ == "__main__":
    main()
