"""A rotation function that puts a random text in a secret's place; Terraform uploads it."""

from __future__ import annotations

from typing import Any

import boto3


def handler(event: dict[str, str], context: object) -> None:
    """Do one step of the rotation."""
    secrets: Any = boto3.client("secretsmanager")
    secret, token = event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        value = secrets.get_random_password(PasswordLength=40)["RandomPassword"]
        secrets.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=value, VersionStages=["AWSPENDING"]
        )
    elif event["Step"] == "finishSecret":
        stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
        current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
        secrets.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
