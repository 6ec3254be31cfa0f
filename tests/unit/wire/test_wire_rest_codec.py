from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from strongroom.errors import AwsError, OperatorError
from strongroom.wire import HttpRequest, HttpResponse, service
from strongroom.wire.rest_codec import MAX_QUERY_FIELDS, parse_query_string

Parse = Callable[..., dict[str, object]]


def call(
    method: str, path: bytes, query: bytes = b"", body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()
) -> HttpRequest:
    return HttpRequest(method, path, query, headers, body, "::1")


def serialise(operation: str, result: dict[str, object]) -> HttpResponse:
    return service("lambda").operation(operation).serialise(result, "id")


def test_labels_query_headers_and_payload(parse: Parse) -> None:
    headers = ((b"x-amz-invocation-type", b"Event"), (b"x-amz-client-context", b"e30="))
    request = call("POST", b"/2015-03-31/functions/f%2Ex/invocations", b"Qualifier=a%2Db", b"\x00raw", headers)
    assert parse(request) == {
        "FunctionName": "f.x",
        "Qualifier": "a-b",
        "InvocationType": "Event",
        "ClientContext": "e30=",
        "Payload": b"\x00raw",
    }


def test_an_empty_body_is_an_absent_payload(parse: Parse) -> None:
    assert parse(call("POST", b"/2015-03-31/functions/f/invocations")) == {"FunctionName": "f"}


def test_an_arn_in_a_label_keeps_its_slash(parse: Parse) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    encoded = arn.replace(":", "%3A").encode()
    assert parse(call("GET", b"/2017-03-31/tags/" + encoded)) == {"Resource": arn}
    request = call("DELETE", b"/2017-03-31/tags/" + encoded, b"tagKeys=a&tagKeys=b+c")
    assert parse(request) == {"Resource": arn, "TagKeys": ["a", "b+c"]}


def test_percent_decoding_happens_once(parse: Parse) -> None:
    with pytest.raises(AwsError) as caught:
        parse(call("GET", b"/2015-03-31/functions/f%252Fx"))
    assert "Value 'f%2Fx' at 'functionName'" in caught.value.message
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (call("GET", b"/2018-10-31/layers/l/versions/x"), "SerializationException"),
        (call("GET", b"/2015-03-31/functions", b"MaxItems=x"), "SerializationException"),
        (call("GET", b"/2015-03-31/functions", b"MaxItems=1&MaxItems=2"), "InvalidQueryParameter"),
        (call("GET", b"/2015-03-31/functions", b"Marker=%ff"), "MalformedQueryString"),
        (call("GET", b"/2015-03-31/functions/%ff"), "MalformedQueryString"),
        (call("GET", b"/2015-03-31/functions", b"a&" * MAX_QUERY_FIELDS), "MalformedQueryString"),
        (call("POST", b"/2015-03-31/functions", b"", b"{"), "SerializationException"),
        (call("POST", b"/2015-03-31/functions", b"", b"[]"), "SerializationException"),
        (call("POST", b"/2015-03-31/functions"), "ValidationException"),
    ],
)
def test_refusals(parse: Parse, request_: HttpRequest, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(request_)
    assert caught.value.code == code


def test_labels_are_not_taken_from_the_body(parse: Parse) -> None:
    body = orjson.dumps({"FunctionName": "other", "Timeout": 3})
    request = call("PUT", b"/2015-03-31/functions/mine/configuration", b"", body)
    assert parse(request) == {"FunctionName": "mine", "Timeout": 3}


def test_query_string_keeps_plus_signs_and_order() -> None:
    assert parse_query_string(b"b=1+2&a=%20&b=3&&c") == {"b": ["1+2", "3"], "a": [" "], "c": [""]}


def test_output_in_status_headers_and_payload() -> None:
    answer = serialise("Invoke", {"StatusCode": 202, "FunctionError": "a\r\nb: c", "Payload": b"{}", "LogResult": None})
    assert answer.status == 202
    assert answer.body == b"{}"
    headers = dict(answer.headers)
    assert headers[b"x-amz-function-error"] == b"a  b: c"
    assert headers[b"x-amzn-requestid"] == b"id"
    assert headers[b"content-length"] == b"2"
    assert b"x-amz-log-result" not in headers


def test_output_status_comes_from_the_model() -> None:
    assert serialise("AddPermission", {"Statement": "{}"}).status == 201
    empty = serialise("RemovePermission", {})
    assert (empty.status, empty.body) == (204, b"")
    assert dict(empty.headers) == {b"x-amzn-requestid": b"id"}
    assert serialise("DeleteFunction", {"StatusCode": 204}).body == b""
    assert serialise("ListFunctions", {}).body == b"{}"


def test_unknown_members_of_a_result_are_a_mistake() -> None:
    with pytest.raises(KeyError, match="Nonsense"):
        serialise("ListFunctions", {"Nonsense": 1})
    with pytest.raises(KeyError, match="Nonsense"):
        serialise("RemovePermission", {"Nonsense": 1})


def test_event_streams_are_named_as_unsupported() -> None:
    with pytest.raises(OperatorError, match="InvokeWithResponseStreamResponse"):
        serialise("InvokeWithResponseStream", {})
