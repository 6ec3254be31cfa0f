"""The policies that AWS manages and every account can attach: the few that make sense here, by their real names.

Source: AWS Managed Policy Reference Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["ADMINISTRATOR_ACCESS", "AWS_MANAGED", "AwsManagedPolicy"]


@dataclass(frozen=True, slots=True)
class AwsManagedPolicy:
    """One policy. It has a single version.

    Args:
        name: Its name.
        path: Its path, with slashes at both ends.
        policy_id: The unique id that AWS gave it.
        description: AWS's description.
        version_id: The version that AWS has by now.
        created_ms: When AWS made it, in milliseconds since the epoch.
        document: The policy document.
    """

    name: str
    path: str
    policy_id: str
    description: str
    version_id: str
    created_ms: int
    document: str

    @property
    def arn(self) -> str:
        """The ARN, which has ``aws`` in the place of an account."""
        return f"arn:aws:iam::aws:policy{self.path}{self.name}"


_ADMINISTRATOR_ACCESS: Final = AwsManagedPolicy(
    name="AdministratorAccess",
    path="/",
    policy_id="ANPAIWMBCKSKIEE64ZLYK",
    description="Provides full access to AWS services and resources.",
    version_id="v1",
    created_ms=1_423_248_986_000,
    document='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
)

_LAMBDA_BASIC_EXECUTION: Final = AwsManagedPolicy(
    name="AWSLambdaBasicExecutionRole",
    path="/service-role/",
    policy_id="ANPAJNCQGXC42545SKXIK",
    description="Provides write permissions to CloudWatch Logs.",
    version_id="v1",
    created_ms=1_428_592_069_000,
    document=(
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":'
        '["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}'
    ),
)

AWS_MANAGED: Final[Mapping[str, AwsManagedPolicy]] = {
    policy.arn: policy for policy in (_ADMINISTRATOR_ACCESS, _LAMBDA_BASIC_EXECUTION)
}
"""Every such policy, by ARN."""

ADMINISTRATOR_ACCESS: Final = _ADMINISTRATOR_ACCESS.arn
"""The policy of the administrator that an installation begins with."""
