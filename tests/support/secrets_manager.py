"""One secret in memory behind the calls of boto3's Secrets Manager client that a rotation function makes.

It keeps the rules that rotation leans on: a version's value never changes, a label sits on one version, AWSCURRENT
moves only away from its named holder, and AWSPENDING has no value until it is put.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from botocore.exceptions import ClientError

__all__ = ["ARN", "RotatingSecret"]

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app/db-AbCdEf"


class RotatingSecret:
    """A secret with rotation enabled.

    Attributes:
        values: The SecretString of each version that has one.
        stages: The labels of each version.
        rotation_enabled: What DescribeSecret says.
        passwords: What GetRandomPassword answers, in order; the last one is repeated.
        masters: The values of other secrets by ARN, which can be read.
        tags: The tags of other secrets by ARN.
        may_list_versions: Whether ListSecretVersionIds is allowed.
        password_requests: The parameters of each GetRandomPassword.
    """

    def __init__(self, current: Mapping[str, object], *, passwords: tuple[str, ...] = ("n3w-Passw0rd",)) -> None:
        self.values: dict[str, str] = {"version-1": json.dumps(current)}
        self.stages: dict[str, list[str]] = {"version-1": ["AWSCURRENT"]}
        self.rotation_enabled = True
        self.may_list_versions = True
        self.passwords = list(passwords)
        self.password_requests: list[dict[str, object]] = []
        self.masters: dict[str, Mapping[str, object]] = {}
        self.tags: dict[str, dict[str, str]] = {}

    # --- the test's side

    def begin_rotation(self, token: str) -> str:
        """What the service does before it calls the function: AWSPENDING on a version without a value."""
        self.stages[token] = ["AWSPENDING"]
        return token

    def put(self, version: str, value: object, *stages: str) -> None:
        """Store a version as it is, moving the labels to it."""
        self.values[version] = value if isinstance(value, str) else json.dumps(value)
        for held in self.stages.values():
            held[:] = [stage for stage in held if stage not in stages]
        self.stages[version] = list(stages)

    def read(self, stage: str) -> dict[str, object]:
        """The JSON object under a label."""
        version = self._holder(stage)
        assert version is not None
        value = json.loads(self.values[version])
        assert isinstance(value, dict)
        return value

    # --- the function's side, as boto3 has it

    def describe_secret(self, *, SecretId: str) -> dict[str, object]:
        if SecretId in self.masters:
            return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags.get(SecretId, {}).items()]}
        assert SecretId == ARN
        return {
            "RotationEnabled": self.rotation_enabled,
            "VersionIdsToStages": {version: list(stages) for version, stages in self.stages.items() if stages},
        }

    def list_secret_version_ids(self, *, SecretId: str, IncludeDeprecated: bool, MaxResults: int) -> dict[str, object]:
        assert (SecretId, IncludeDeprecated, MaxResults) == (ARN, True, 100)
        if not self.may_list_versions:
            self._fail("AccessDeniedException", "ListSecretVersionIds")
        began = datetime(2026, 1, 1, tzinfo=UTC)
        return {
            "Versions": [
                {
                    "VersionId": version,
                    "VersionStages": list(self.stages[version]),
                    "CreatedDate": began + timedelta(days=number),
                }
                for number, version in enumerate(self.values)
            ]
        }

    def get_secret_value(
        self, *, SecretId: str, VersionStage: str | None = None, VersionId: str | None = None
    ) -> dict[str, str]:
        if SecretId in self.masters and VersionStage == "AWSCURRENT":
            return {"SecretString": json.dumps(self.masters[SecretId])}
        assert SecretId == ARN
        version = VersionId or self._holder(str(VersionStage))
        if version is None or version not in self.values:
            self._fail("ResourceNotFoundException", "GetSecretValue")
        assert VersionStage is None or VersionStage in self.stages[version]
        return {"SecretString": self.values[version], "VersionId": version}

    def get_random_password(self, **parameters: object) -> dict[str, str]:
        self.password_requests.append(parameters)
        return {"RandomPassword": self.passwords.pop(0) if len(self.passwords) > 1 else self.passwords[0]}

    def put_secret_value(
        self, *, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]
    ) -> dict[str, object]:
        assert SecretId == ARN
        if self.values.get(ClientRequestToken, SecretString) != SecretString:
            self._fail("ResourceExistsException", "PutSecretValue")
        self.put(ClientRequestToken, SecretString, *VersionStages)
        return {"VersionId": ClientRequestToken}

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,
        VersionStage: str,
        MoveToVersionId: str | None = None,
        RemoveFromVersionId: str | None = None,
    ) -> dict[str, object]:
        assert SecretId == ARN
        if RemoveFromVersionId != self._holder(VersionStage) or (VersionStage == "AWSCURRENT" and not MoveToVersionId):
            self._fail("InvalidParameterException", "UpdateSecretVersionStage")
        if RemoveFromVersionId is not None:
            self.stages[RemoveFromVersionId].remove(VersionStage)
        if MoveToVersionId is not None:
            self.stages[MoveToVersionId].append(VersionStage)
        if VersionStage == "AWSCURRENT" and RemoveFromVersionId is not None:
            for held in self.stages.values():
                held[:] = [stage for stage in held if stage != "AWSPREVIOUS"]
            self.stages[RemoveFromVersionId].append("AWSPREVIOUS")
        return {"ARN": ARN}

    def _holder(self, stage: str) -> str | None:
        return next((version for version, stages in self.stages.items() if stage in stages), None)

    @staticmethod
    def _fail(code: str, operation: str) -> NoReturn:
        raise ClientError({"Error": {"Code": code, "Message": "as the fake says"}}, operation)
