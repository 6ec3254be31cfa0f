"""botocore's own serializers and parsers on the other side of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.wire import HttpRequest, Router, service
from strongroom.wire.patterns import java_pattern

OPERATIONS = {
    "secretsmanager": (
        "BatchGetSecretValue CreateSecret DescribeSecret GetRandomPassword GetSecretValue ListSecrets "
        "ListSecretVersionIds PutSecretValue RotateSecret TagResource UntagResource UpdateSecret "
        "UpdateSecretVersionStage DeleteSecret"
    ),
    "kms": (
        "CreateKey DescribeKey ListKeys CreateAlias ListAliases Encrypt Decrypt GenerateDataKey ListGrants PutKeyPolicy"
    ),
    "iam": (
        "CreateUser GetUser ListUsers CreateAccessKey ListAccessKeys CreateRole GetRole PutRolePolicy TagUser "
        "UntagUser ListPolicies CreatePolicy SimulateCustomPolicy ListAttachedRolePolicies DeleteUser"
    ),
    "sts": "AssumeRole GetCallerIdentity GetSessionToken AssumeRoleWithWebIdentity GetFederationToken",
    "lambda": (
        "CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction ListFunctions Invoke "
        "AddPermission GetPolicy RemovePermission TagResource UntagResource ListTags"
    ),
}
CASES = [(name, operation) for name, operations in OPERATIONS.items() for operation in operations.split()]
MODELS = {name: ServiceModel(Loader().load_service_model(name, "service-2"), name) for name in OPERATIONS}
SETTINGS = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

# XML 1.0 cannot carry the other control characters, and a header carries ASCII.
TEXT = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
HEADER_TEXT = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
MOMENTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that keep the constraints of a shape."""
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(shape, StructureShape):
        members = {name: values(member, depth + 1) for name, member in shape.members.items() if depth < 4}
        required = {name: members[name] for name in shape.required_members if name in members}
        optional = {name: member for name, member in members.items() if name not in required}
        if "eventstream" in shape.serialization:
            return st.nothing()
        # The Query protocol has no way to write an empty structure.
        return st.fixed_dictionaries(required, optional=optional).filter(lambda value: depth == 0 or bool(value))
    if isinstance(shape, ListShape):
        # A query string has no way to write an empty list.
        least = max(lowest or 0, int(shape.serialization.get("location") == "querystring"))
        return st.lists(values(shape.member, depth + 1), min_size=least, max_size=max(least, min(highest or 3, 3)))
    if isinstance(shape, MapShape):
        keys = values(shape.key, depth + 1)
        return st.dictionaries(keys, values(shape.value, depth + 1), min_size=lowest or 0, max_size=max(lowest or 0, 2))
    return scalars(shape, lowest, highest)


def scalars(shape: Shape, lowest: Any, highest: Any) -> st.SearchStrategy[Any]:
    if shape.type_name == "string":
        return strings(shape, lowest or 0, highest or 60)
    if shape.type_name == "blob":
        return st.binary(min_size=max(lowest or 0, 1), max_size=max(1, min(highest or 50, 50)))
    if shape.type_name in ("integer", "long"):
        low = max(lowest if lowest is not None else -1000, -1000)
        return st.integers(low, min(highest if highest is not None else 100_000, 100_000))
    if shape.type_name in ("float", "double"):
        return st.floats(lowest or 0, highest or 100, allow_nan=False)
    return st.booleans() if shape.type_name == "boolean" else MOMENTS


def strings(shape: Shape, lowest: int, highest: int) -> st.SearchStrategy[str]:
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"])
    alphabet = HEADER_TEXT if shape.serialization.get("location") else TEXT
    if shape.serialization.get("location") in ("uri", "header"):
        lowest = max(lowest, 1)
    pattern = java_pattern(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    if pattern is None:
        return st.text(alphabet, min_size=lowest, max_size=max(lowest, min(highest, 40)))
    # Most patterns are one set of characters, repeated; drawing from such a set is much quicker than from the pattern.
    lowest = max(lowest, 1)
    characters = [character for character in "aZ07-_/.é +" if pattern.fullmatch(character * lowest)]
    if characters:
        text = st.text(characters, min_size=lowest, max_size=min(highest, lowest + 20))
        return text.filter(lambda text: pattern.fullmatch(text) is not None)
    return st.from_regex(pattern, fullmatch=True, alphabet=alphabet).filter(
        lambda text: lowest <= len(text) <= highest and "\n" not in text
    )


@cache
def inputs(name: str, operation: str) -> st.SearchStrategy[dict[str, Any]]:
    shape = MODELS[name].operation_model(operation).input_shape
    return st.just({}) if shape is None else values(shape)


@cache
def outputs(name: str, operation: str) -> st.SearchStrategy[dict[str, Any]]:
    shape = MODELS[name].operation_model(operation).output_shape
    return st.just({}) if shape is None else values(shape)


def as_received(serialized: dict[str, Any]) -> HttpRequest:
    """What arrives when botocore sends a serialized request."""
    prepare_request_dict(serialized, "http://localhost:4566")
    prepared = create_request_object(serialized).prepare()
    url = urlsplit(prepared.url)
    headers = tuple(
        (name.lower().encode(), value if isinstance(value, bytes) else str(value).encode())
        for name, value in prepared.headers.items()
    )
    body = prepared.body or b""
    content = body.encode() if isinstance(body, str) else body
    return HttpRequest(prepared.method, url.path.encode(), url.query.encode(), headers, content, "127.0.0.1")


@pytest.mark.parametrize(("name", "operation"), CASES)
@given(data=st.data())
@SETTINGS
def test_what_botocore_sends_is_what_we_parse(router: Router, name: str, operation: str, data: st.DataObject) -> None:
    model = MODELS[name].operation_model(operation)
    parameters = data.draw(inputs(name, operation))
    serialized = create_serializer(MODELS[name].protocol, False).serialize_to_request(dict(parameters), model)
    request = as_received(serialized)
    route = router.route(request, name)
    assert route.operation == operation
    assert route.spec.parse(request, route) == parameters


@pytest.mark.parametrize(("name", "operation"), CASES)
@given(data=st.data())
@SETTINGS
def test_what_we_serialise_is_what_botocore_parses(name: str, operation: str, data: st.DataObject) -> None:
    model = MODELS[name].operation_model(operation)
    result = data.draw(outputs(name, operation))
    status_member = next((key for key in ("StatusCode", "Status") if key in result and name == "lambda"), None)
    if status_member:
        result[status_member] = 200
    answer = service(name).operation(operation).serialise(result, "request-1")
    body = BytesIO(answer.body) if model.has_streaming_output else answer.body
    parsed = parse_answer(name, answer.status, answer.headers, body, model.output_shape)
    if model.has_streaming_output:
        parsed["Payload"] = parsed["Payload"].read()
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["RequestId"] == "request-1"
    for key in ("StatusCode", "Payload"):  # present in every answer that has such a member
        if key not in result:
            parsed.pop(key, None)
    assert parsed == result


@pytest.mark.parametrize("name", list(OPERATIONS))
@given(message=st.text(TEXT, min_size=1))
@SETTINGS
def test_botocore_reads_our_errors(name: str, message: str) -> None:
    answer = service(name).serialise_error(AwsError("SomethingException", message), "request-1")
    parsed = parse_answer(name, answer.status, answer.headers, answer.body, None)
    assert parsed["Error"]["Code"] == "SomethingException"
    assert parsed["Error"]["Message"] == message
    assert parsed["ResponseMetadata"]["RequestId"] == "request-1"


def parse_answer(
    name: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes | BytesIO, shape: Shape | None
) -> dict[str, Any]:
    folded = HeadersDict({key.decode(): value.decode() for key, value in headers})
    parser = create_parser(MODELS[name].protocol)
    message = {"body": body, "headers": folded, "status_code": status}
    parsed: dict[str, Any] = parser.parse(message, shape)  # type: ignore[arg-type]  # None is an absent output
    return parsed
