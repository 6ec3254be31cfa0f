"""How one service reaches another: narrow in-process clients that carry the original caller.

Each protocol here is implemented by the service it belongs to (its ``client.py``) and handed to the services that need
it. Methods that take a transaction act inside the calling operation's own transaction.
"""

from strongroom.services.clients.access import (
    AccessAnswer,
    AccessClient,
    AccessQuestion,
    GrantRights,
    ReadPath,
    ResourceRights,
    RightsSource,
    SecretReader,
    SecretReaders,
    SecretRights,
    SecretRightsSource,
)
from strongroom.services.clients.databases import DatabaseClient, DatabaseView, LoginTrial
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
from strongroom.services.clients.versions import LabelledVersions, SecretVersionsClient

__all__ = [
    "AccessAnswer",
    "AccessClient",
    "AccessQuestion",
    "CiphertextHolder",
    "DataKey",
    "DatabaseClient",
    "DatabaseView",
    "FunctionInvoker",
    "GrantRights",
    "HeldCiphertext",
    "IamClient",
    "InvocationRequest",
    "InvocationResult",
    "KeyDescription",
    "KmsClient",
    "LabelledVersions",
    "LambdaClient",
    "LoginTrial",
    "LogsClient",
    "ManagedSecret",
    "ManagedSecretDraft",
    "OrganizationClient",
    "ReadPath",
    "ResourceRights",
    "RightsSource",
    "RotationClient",
    "RotationHistory",
    "RotationView",
    "SecretOwner",
    "SecretReader",
    "SecretReaders",
    "SecretRights",
    "SecretRightsSource",
    "SecretVersionsClient",
    "SecretsClient",
    "SessionCredentials",
    "StepRunView",
    "UpcomingRotation",
]
