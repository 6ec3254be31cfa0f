"""STS: temporary credentials of roles, and who one is.

    service    the operations
    grants     what a request for a session may ask for, checked against AWS's limits

What it may touch: roles as `identity` reads them, and session tokens as it mints them. Nothing is written. What never
enters: changing a role, which is IAM's.
"""

from strongroom.services.sts.service import Sts

__all__ = ["Sts"]
