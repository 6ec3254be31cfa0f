"""The rotation engine: drives every rotation to its end, from the background worker.

A rotation is a row: secret, token, step, attempt, lease. `queue` claims rows that are due and moves them on, each
move one transaction; `engine` invokes the function for the step of a claimed row; `journal` keeps what happened.
Whatever is killed at whatever instant, the row says which step to run again, and a step may be repeated.

What this may touch: the store, the trail (through transactions), and functions through Lambda's client. What never
enters: secret values. The engine moves labels; only the function reads and writes passwords.
"""

from strongroom.services.secretsmanager.rotation.engine import RotationEngine

__all__ = ["RotationEngine"]
