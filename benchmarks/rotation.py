"""No failed login, measured: applications log in without pause through many rotations, under each strategy.

python -m benchmarks.rotation --engine mariadb --rotations 200

With alternating users no login may be refused, nor with Redis where the previous password is kept. With a single user a
refused application waits a second, reads the secret once more and tries once more, as AWS asks for, and that may not
be refused. Without ``--engine`` every kind of server that is installed here is measured, one after the other.
``--json`` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.support.rotation import rotation_rig
from tests.support.rotation_engines import ENGINES, SINGLE
from tests.support.rotation_logins import Figures, log_in_through_rotations

RETRY_SECONDS = 1.0


def measure(kinds: list[str], rotations: int, pause: float) -> dict[str, dict[str, Figures]]:
    """The figures of each kind of server and strategy."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder, rotation_rig(Path(folder)) as rig:
        for kind in kinds:
            try:
                with ENGINES[kind](rig) as engine:
                    each = dict.fromkeys(engine.strategies, rotations)
                    found[kind] = log_in_through_rotations(engine, each, pause=pause)
            except pytest.skip.Exception as none:
                print(f"{kind:<11} {none}", file=sys.stderr)
    return found


def failures(strategy: str, figures: Figures) -> int:
    """How often an application was refused that should not have been."""
    return figures.failed if strategy == SINGLE else figures.failed + figures.retries


def main() -> None:
    """Measure and print. Exits 1 when a login failed that should not have."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rotation", description=__doc__)
    parser.add_argument("--engine", choices=sorted(ENGINES), help="the kind of server")
    parser.add_argument("--rotations", type=int, default=200, help="of each strategy")
    parser.add_argument("--pause", type=float, default=RETRY_SECONDS, help="seconds before the secret is read again")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    kinds = [arguments.engine] if arguments.engine else list(ENGINES)
    found = measure(kinds, arguments.rotations, arguments.pause)
    rows = [(kind, strategy, figures) for kind, each in found.items() for strategy, figures in each.items()]
    if arguments.json:
        print(
            json.dumps([{"engine": kind, "strategy": strategy, **asdict(figures)} for kind, strategy, figures in rows])
        )
    else:
        print(
            f"{'engine':<11} {'strategy':<23} {'rotations':>9} {'logins':>8} {'retried':>8} {'failed':>7} {'each':>7}"
        )
        for kind, strategy, figures in rows:
            print(
                f"{kind:<11} {strategy:<23} {figures.rotations:>9} {figures.logins:>8} {figures.retries:>8} "
                f"{figures.failed:>7} {figures.median_seconds:>5.2f} s"
            )
    sys.exit(1 if any(failures(strategy, figures) for _, strategy, figures in rows) else 0)


if __name__ == "__main__":
    main()
