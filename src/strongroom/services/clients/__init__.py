"""How one service reaches another: narrow in-process clients that carry the original caller.

Each protocol here is implemented by the service it belongs to (its ``client.py``) and handed to the services that need
it. Methods that take a transaction act inside the calling operation's own transaction.
"""

from strongroom.services.clients.databases import DatabaseClient, DatabaseView
from strongroom.services.clients.functions import FunctionInvoker, InvocationRequest, InvocationResult, LambdaClient
from strongroom.services.clients.identities import IamClient, OrganizationClient, SessionCredentials
from strongroom.services.clients.keys import CiphertextHolder, DataKey, HeldCiphertext, KeyDescription, KmsClient
from strongroom.services.clients.logs import LogsClient
from strongroom.services.clients.rotations import (
    RotationClient,
    RotationHistory,
    RotationView,
    StepRunView,
    UpcomingRotation,
)
from strongroom.services.clients.secrets import ManagedSecret, ManagedSecretDraft, SecretOwner, SecretsClient

__all__ = [
    "CiphertextHolder",
    "DataKey",
    "DatabaseClient",
    "DatabaseView",
    "FunctionInvoker",
    "HeldCiphertext",
    "IamClient",
    "InvocationRequest",
    "InvocationResult",
    "KeyDescription",
    "KmsClient",
    "LambdaClient",
    "LogsClient",
    "ManagedSecret",
    "ManagedSecretDraft",
    "OrganizationClient",
    "RotationClient",
    "RotationHistory",
    "RotationView",
    "SecretOwner",
    "SecretsClient",
    "SessionCredentials",
    "StepRunView",
    "UpcomingRotation",
]
