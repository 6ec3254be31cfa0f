"""Lets this room's tests import their reference evaluator by its full name, however pytest was started."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
