"""What the tests of this room share."""

from tests.support.harness_identity import house

__all__ = ["house"]
