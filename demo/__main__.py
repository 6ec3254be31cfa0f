"""Tell the whole story, then the summary. Exits 1 when anything did not hold.

python -m demo                                     everything is started here and stopped at the end
python -m demo --keep                              leave it running until Ctrl-C
python -m demo --postgresql postgresql://user:password@host/   use a PostgreSQL that is there already
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from demo import steps
from demo.application import Count
from demo.postgresql import found_postgresql, start_postgresql
from demo.product import running_product
from demo.screen import Screen

ROTATIONS = 3


def main() -> int:
    """Run the demo; answer the exit code."""
    arguments = _arguments()
    screen = Screen()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="strongroom-demo-") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        screen.chapter(1, "Strongroom, on a new data folder")
        product = running.enter_context(running_product(folder, "--minute-schedules"))
        screen.say(f"{product.endpoint}, account {product.account}, region {product.region}")
        screen.chapter(2, "PostgreSQL, real, with a role for an application")
        if arguments.postgresql:
            database = found_postgresql(arguments.postgresql)
        else:
            database = running.enter_context(start_postgresql(folder / "postgresql"))
        stage = steps.Stage(product, database, screen)
        steps.create_database_role(stage)
        screen.chapter(3, "A key, an execution role, a rotation function")
        steps.create_access(stage)
        screen.chapter(4, "The credential becomes a secret")
        steps.store_secret(stage)
        screen.chapter(5, "An application reads the secret and logs in, from here to the end")
        finish = running.enter_context(steps.running_application(stage))
        screen.say("started")
        screen.chapter(6, "Rotation")
        steps.rotate_on_request(stage, ROTATIONS)
        steps.rotate_by_schedule(stage)
        screen.chapter(7, "What must hold")
        steps.check_passwords(stage)
        steps.check_access(stage)
        steps.check_nothing_readable(stage)
        audit = steps.check_audit(stage)
        count = finish()
        screen.chapter(8, "Summary")
        _summarise(stage, count, audit, time.monotonic() - began)
        _how_to_use(stage, arguments.keep)
        if arguments.keep:
            _wait_for_interrupt()
    return 1 if screen.failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Do Strongroom's main job before your eyes.")
    parser.add_argument("--postgresql", metavar="ADDRESS", help="use this PostgreSQL (a superuser's address)")
    parser.add_argument("--keep", action="store_true", help="leave Strongroom running until Ctrl-C")
    return parser.parse_args()


def _summarise(stage: steps.Stage, count: Count, audit: str, seconds: float) -> None:
    screen = stage.screen
    times = ", ".join(f"{took:.2f} s" for took in stage.rotation_seconds)
    screen.check(count.logins > 0, f"the application logged in {count.logins} times")
    screen.check(count.failed == 0, f"failed logins: {count.failed} {count.last_error}".rstrip())
    screen.check(count.passwords == len(stage.passwords), f"it saw all {len(stage.passwords)} passwords")
    screen.table(
        "The application",
        [
            ("reads of the secret", str(count.reads)),
            ("logins", str(count.logins)),
            ("failed logins", str(count.failed)),
            ("logins that read the secret again and tried once more", str(count.retries)),
            ("time of each rotation by RotateSecret", times),
            ("the whole demo", f"{seconds:.0f} s"),
        ],
    )
    screen.console.print("\nThe audit trail, without the reads:")
    screen.console.print(audit, markup=False)
    if screen.failures:
        screen.console.print("\n[red]Did not hold:[/red]")
        for failure in screen.failures:
            screen.console.print(f"  - {failure}", markup=False)
    else:
        screen.console.print("\n[green]Everything held.[/green]")


def _how_to_use(stage: steps.Stage, keep: bool) -> None:
    """The lines to paste."""
    product, print_line = stage.product, stage.screen.console.print
    if keep:
        print_line("\nStrongroom runs until Ctrl-C. In another terminal:", markup=False)
        endpoint, credentials = product.endpoint, product.data_dir / "admin.credentials"
        secret = steps.SECRET_NAME
    else:
        print_line("\nTo use it yourself, start it with `make serve`, then in another terminal:", markup=False)
        endpoint, credentials = "http://127.0.0.1:4566", Path("~/.local/share/strongroom/admin.credentials")
        secret = "hello"
    lines = [
        f"export AWS_ENDPOINT_URL={endpoint}",
        f"export AWS_SHARED_CREDENTIALS_FILE={credentials}",
        "export AWS_PROFILE=strongroom",
    ]
    if not keep:
        lines.append("aws secretsmanager create-secret --name hello --secret-string world")
    lines.append(f"aws secretsmanager get-secret-value --secret-id {secret}")
    for line in lines:
        print_line(f"  {line}", markup=False)


def _wait_for_interrupt() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: stop.set())
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    stop.wait()


if __name__ == "__main__":
    sys.exit(main())
