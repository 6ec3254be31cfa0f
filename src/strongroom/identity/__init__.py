"""Who is calling: signatures, access keys, sessions, and the principals behind them.

    sigv4*         Signature Version 4, read and verified
    credentials    the form of keys and ids, and how secrets are sealed
    directory      users, roles, keys and policies as the store has them
    sessions       temporary credentials, whole inside their token
    session_callers  from a session to a `Caller`, while what it stands on stands
    web_identity*  tokens of identity providers: their keys, their claims, the providers
    last_used      when keys and roles were used
    principals     from a user or a role to a `Caller`
    trust          the trust policies of roles
    authenticator  from a signed request to its `Caller`
    aws_managed    the policies that AWS manages
    bootstrap      the administrator of a new installation

What this room may touch: policy, keyring, store, and audit for the form of ``userIdentity``. What never enters: whether
a caller may do something, and any operation of a service.
"""

from strongroom.identity.authenticator import Authenticator
from strongroom.identity.bootstrap import create_administrator
from strongroom.identity.caller import Caller, service_caller
from strongroom.identity.credentials import AccessKey
from strongroom.identity.sigv4 import SignedRequest, parse_authorization

__all__ = [
    "AccessKey",
    "Authenticator",
    "Caller",
    "SignedRequest",
    "create_administrator",
    "parse_authorization",
    "service_caller",
]
