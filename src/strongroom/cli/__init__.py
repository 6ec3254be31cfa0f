"""The command line: what an operator types. One module per command group.

Commands print for people, or JSON with ``--json``; they exit 0 when all is well, 1 when they found something wrong, 2
when the command line itself was wrong, and say what to do next.
"""

from strongroom.cli.main import main

__all__ = ["main"]
