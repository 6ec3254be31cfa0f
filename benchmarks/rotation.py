"""No failed login, measured: an application logs in without pause through many rotations, with each strategy.

python -m benchmarks.rotation --rotations 200

With alternating users no login may be refused. With a single user a refused application waits a second, reads the
secret once more and tries once more, as AWS asks for, and that may not be refused. ``--json`` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.support.rotation import rotation_rig
from tests.support.rotation_logins import Figures, log_in_through_rotations

STRATEGIES = {"alternating users": True, "single user": False}
RETRY_SECONDS = 1.0


def measure(rotations: int) -> dict[str, Figures]:
    """The figures of each strategy."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder, rotation_rig(Path(folder)) as rig:
        return {
            name: log_in_through_rotations(rig, alternating=alternating, rotations=rotations, pause=RETRY_SECONDS)
            for name, alternating in STRATEGIES.items()
        }


def main() -> None:
    """Measure and print. Exits 1 when a login failed that should not have."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rotation", description=__doc__)
    parser.add_argument("--rotations", type=int, default=200, help="of each strategy")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = measure(arguments.rotations)
    if arguments.json:
        print(json.dumps({name: asdict(figures) for name, figures in found.items()}))
    else:
        print(f"{'strategy':<18} {'rotations':>9} {'logins':>8} {'retried':>8} {'failed':>7} {'a rotation':>11}")
        for name, figures in found.items():
            print(
                f"{name:<18} {figures.rotations:>9} {figures.logins:>8} {figures.retries:>8} {figures.failed:>7} "
                f"{figures.median_seconds:>9.2f} s"
            )
    alternating, single = (found[name] for name in STRATEGIES)
    sys.exit(1 if alternating.failed or alternating.retries or single.failed else 0)


if __name__ == "__main__":
    main()
