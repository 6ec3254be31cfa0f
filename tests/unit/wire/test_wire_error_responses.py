from __future__ import annotations

from xml.etree import ElementTree as ET

import orjson
import pytest

from strongroom.errors import AccessDenied, AwsError
from strongroom.wire import Protocol, error_response, service


@pytest.mark.parametrize(
    ("name", "code", "member"),
    [
        ("secretsmanager", "ResourceNotFoundException", "Message"),
        ("secretsmanager", "ValidationException", "Message"),
        ("kms", "NotFoundException", "message"),
        ("kms", "ValidationException", "message"),
        ("ssm", "ParameterNotFound", "message"),
        ("ssm", "ValidationException", "Message"),
    ],
)
def test_json_errors_use_the_services_own_message_member(name: str, code: str, member: str) -> None:
    answer = service(name).serialise_error(AwsError(code, "text"), "id-1")
    assert answer.status == 400
    assert orjson.loads(answer.body) == {"__type": code, member: "text"}
    assert dict(answer.headers) == {
        b"x-amzn-requestid": b"id-1",
        b"content-type": b"application/x-amz-json-1.1",
        b"content-length": b"%d" % len(answer.body),
    }


def test_json_server_errors_keep_their_status() -> None:
    spec = service("secretsmanager")
    answer = spec.serialise_error(spec.internal_error(), "id")
    assert answer.status == 500
    assert orjson.loads(answer.body)["__type"] == "InternalServiceError"


def test_further_members_are_those_of_the_shape() -> None:
    error = AwsError("DryRunOperationException", "text", members={"nonsense": 1})
    assert orjson.loads(service("kms").serialise_error(error, "id").body) == {
        "__type": "DryRunOperationException",
        "message": "text",
    }
    error = AwsError("OpsItemInvalidParameterException", "m", members={"ParameterNames": ["a"]})
    assert orjson.loads(service("ssm").serialise_error(error, "id").body)["ParameterNames"] == ["a"]


@pytest.mark.parametrize(
    ("name", "error", "code", "status", "fault"),
    [
        ("iam", AwsError("NoSuchEntityException", "m"), "NoSuchEntity", 404, "Sender"),
        ("iam", AwsError("NoSuchEntity", "m"), "NoSuchEntity", 404, "Sender"),
        ("iam", AccessDenied("m"), "AccessDenied", 403, "Sender"),
        ("iam", AwsError("InvalidSignatureException", "m"), "SignatureDoesNotMatch", 403, "Sender"),
        ("iam", AwsError("ValidationError", "m"), "ValidationError", 400, "Sender"),
        ("iam", AwsError("ValidationException", "m"), "ValidationError", 400, "Sender"),
        ("sts", AwsError("ExpiredTokenException", "m"), "ExpiredTokenException", 400, "Sender"),
        ("sts", AwsError("ExpiredTokenException", "m", is_common=True), "ExpiredToken", 403, "Sender"),
        ("iam", service("iam").internal_error(), "ServiceFailure", 500, "Receiver"),
        ("sts", service("sts").internal_error(), "InternalFailure", 500, "Receiver"),
        ("sts", AwsError("UnknownThing", "m", status=503), "UnknownThing", 503, "Receiver"),
        ("rds", AwsError("DBInstanceNotFoundFault", "m"), "DBInstanceNotFound", 404, "Sender"),
    ],
)
def test_query_errors(name: str, error: AwsError, code: str, status: int, fault: str) -> None:
    answer = service(name).serialise_error(error, "id-1")
    assert answer.status == status
    root = ET.fromstring(answer.body)
    namespace = root.tag.removesuffix("ErrorResponse")
    assert root.findtext(f"{namespace}RequestId") == "id-1"
    fields = {child.tag.removeprefix(namespace): child.text for child in root[0]}
    assert fields == {"Type": fault, "Code": code, "Message": error.message}
    assert dict(answer.headers)[b"content-type"] == b"text/xml"


def test_query_errors_carry_further_members_and_survive_any_text() -> None:
    error = AwsError("ReportGenerationLimitExceededException", "a\x00<b>", members={"message": "inner", "x": 1})
    root = ET.fromstring(service("iam").serialise_error(error, "id").body)
    assert root.tag == "{https://iam.amazonaws.com/doc/2010-05-08/}ErrorResponse"
    assert root[0][2].text == "a\ufffd<b>"
    assert root[0][3].text == "inner"


@pytest.mark.parametrize(
    ("error", "status", "member", "fault"),
    [
        (AwsError("ResourceNotFoundException", "m"), 404, "Message", "User"),
        (AwsError("ResourceConflictException", "m"), 409, "message", "User"),
        (AwsError("ValidationException", "m"), 400, "Message", "User"),
        (AccessDenied("m"), 403, "Message", "User"),
        (service("lambda").internal_error(), 500, "Message", "Service"),
    ],
)
def test_rest_errors(error: AwsError, status: int, member: str, fault: str) -> None:
    answer = service("lambda").serialise_error(error, "id")
    assert answer.status == status
    assert orjson.loads(answer.body) == {"Type": fault, member: error.message}
    assert dict(answer.headers)[b"x-amzn-errortype"] == error.code.encode()


def test_rest_errors_carry_the_members_of_their_shape() -> None:
    error = AwsError("TooManyRequestsException", "m", members={"Reason": "ConcurrentInvocationLimitExceeded"})
    answer = service("lambda").serialise_error(error, "id")
    assert answer.status == 429
    assert orjson.loads(answer.body)["Reason"] == "ConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize("protocol", list(Protocol))
def test_errors_without_a_service(protocol: Protocol) -> None:
    answer = error_response(protocol, AwsError("UnknownOperationException", "m", status=404), "id")
    assert answer.status in (400, 404)
    assert b"m" in answer.body
