"""Signed requests that boto3 would not send: any body, any header, any credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.httpsession import URLLib3Session
from tests.support.server import Credentials, RunningServer

__all__ = ["Answer", "send", "send_json", "send_query"]

TARGETS = {"secretsmanager": "secretsmanager", "kms": "TrentService"}
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}
_SESSION = URLLib3Session(timeout=30)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def send(
    server: RunningServer,
    service: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    path: str = "/",
    method: str = "POST",
    credentials: Credentials | None = None,
    region: str | None = None,
) -> Answer:
    """Sign a request as it is and send it."""
    who = credentials or server.administrator
    request = AWSRequest(method, server.endpoint + path, headers=dict(headers), data=body)
    keys = BotocoreCredentials(who.access_key_id, who.secret_access_key, who.session_token)
    SigV4Auth(keys, service, region or server.region).add_auth(request)
    answer = _SESSION.send(request.prepare())
    return Answer(answer.status_code, answer.content)


def send_json(
    server: RunningServer,
    service: str,
    operation: str,
    body: bytes,
    *,
    credentials: Credentials | None = None,
    region: str | None = None,
) -> Answer:
    """Send a body to an operation of Secrets Manager or KMS."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{TARGETS[service]}.{operation}"}
    return send(server, service, body, headers, credentials=credentials, region=region)


def send_query(server: RunningServer, service: str, operation: str, parameters: Mapping[str, str]) -> Answer:
    """Send parameters to an operation of IAM or STS."""
    body = urlencode({"Action": operation, "Version": VERSIONS[service], **parameters}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return send(server, service, body, headers)
