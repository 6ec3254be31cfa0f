from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from strongroom.errors import AwsError
from strongroom.wire import DEFAULT_BODY_LIMIT, MAX_BODY_LIMIT, HttpRequest, Protocol, Router, protocol_of, service

JsonPost = Callable[[str, object], HttpRequest]
FormPost = Callable[[Mapping[str, str]], HttpRequest]

JSON = (b"content-type", b"application/x-amz-json-1.1")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
NOT_FOUND = "Could not find operation"
CREATE_USER = {"Action": "CreateUser", "Version": "2010-05-08"}
TARGET = (b"x-amz-target", b"secretsmanager.GetSecretValue")


def request(
    method: str = "POST",
    path: bytes = b"/",
    query: bytes = b"",
    body: bytes = b"{}",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> HttpRequest:
    return HttpRequest(method, path, query, headers, body, "::1")


@pytest.mark.parametrize(
    ("target", "name", "operation"),
    [
        ("secretsmanager.GetSecretValue", "secretsmanager", "GetSecretValue"),
        ("TrentService.Decrypt", "kms", "Decrypt"),
        ("AmazonSSM.GetParameter", "ssm", "GetParameter"),
    ],
)
def test_json_targets(router: Router, json_post: JsonPost, target: str, name: str, operation: str) -> None:
    route = router.route(json_post(target, {}), None)
    assert (route.service.name, route.operation) == (name, operation)
    assert route.spec is service(name).operation(operation)


def test_json_content_types(router: Router) -> None:
    for value in (b"application/x-amz-json-1.0", b"Application/X-Amz-Json-1.1; charset=utf-8"):
        assert router.route(request(headers=(TARGET, (b"content-type", value))), None)


@pytest.mark.parametrize(
    "refused",
    [
        request(headers=((b"x-amz-target", b"secretsmanager.Nothing"), JSON)),
        request(headers=((b"x-amz-target", b"DynamoDB_20120810.GetItem"), JSON)),
        request(headers=((b"x-amz-target", b""), JSON)),
        request(headers=((b"x-amz-target", b"\xff\x00."), JSON)),
        request(headers=((b"x-amz-target", b"secretsmanager.getSecretValue"), JSON)),
        request(headers=(TARGET, TARGET, JSON)),
        request(headers=(TARGET,)),
        request(headers=(TARGET, (b"content-type", b"text/plain"))),
        request(headers=(TARGET, FORM)),
        request(method="GET", headers=(TARGET, JSON)),
        request(path=b"//", headers=(TARGET, JSON)),
        request(method="GET", path=b"/2015-03-31/nothing"),
        request(method="PATCH", path=b"/2015-03-31/functions"),
        request(method="GET", path=b"/2015-03-31//functions"),
        request(method="GET", path=b"//2015-03-31/functions"),
        request(method="GET", path=b"/2015-03-31/functions//"),
        request(path=b"/x", headers=(FORM,), body=b"Action=ListUsers&Version=2010-05-08"),
        request(method="GET", path=b"*"),
        request(method="GET", path=b""),
    ],
)
def test_unknown_operations(router: Router, refused: HttpRequest) -> None:
    with pytest.raises(AwsError) as caught:
        router.route(refused, "iam")
    assert caught.value.code == "UnknownOperationException"


def test_query_services_come_from_the_signature(router: Router, form_post: FormPost) -> None:
    route = router.route(form_post({"Action": "CreateUser", "Version": "2010-05-08", "UserName": "bob"}), "iam")
    assert (route.service.name, route.operation, route.form["UserName"]) == ("iam", "CreateUser", "bob")


def test_unsigned_query_requests_are_found_by_version(router: Router, form_post: FormPost) -> None:
    route = router.route(form_post({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"}), None)
    assert (route.service.name, route.operation) == ("sts", "AssumeRoleWithWebIdentity")


@pytest.mark.parametrize(
    ("fields", "signing", "code", "message"),
    [
        ({"Version": "2010-05-08"}, "iam", "MissingAction", "The request must contain the parameter Action"),
        ({"Action": "X", "Version": "2010-05-08"}, "iam", "InvalidAction", f"{NOT_FOUND} X for version 2010-05-08"),
        ({"Action": "X"}, "iam", "InvalidAction", f"{NOT_FOUND} X for version NO_VERSION_SPECIFIED"),
        ({"Action": "X", "Version": "1"}, None, "InvalidAction", f"{NOT_FOUND} X for version 1"),
        (CREATE_USER, "sts", "InvalidAction", f"{NOT_FOUND} CreateUser for version 2010-05-08"),
        (CREATE_USER, "s3", "InvalidAction", f"{NOT_FOUND} CreateUser for version 2010-05-08"),
        (
            CREATE_USER | {"Version": "2011-06-15"},
            "iam",
            "InvalidAction",
            f"{NOT_FOUND} CreateUser for version 2011-06-15",
        ),
    ],
)
def test_query_refusals(
    router: Router, form_post: FormPost, fields: dict[str, str], signing: str | None, code: str, message: str
) -> None:
    with pytest.raises(AwsError) as caught:
        router.route(form_post(fields), signing)
    assert (caught.value.code, caught.value.message) == (code, message)


@pytest.mark.parametrize("query", [b"", b"Action=CreateUser&Version=2010-05-08", b"X-Amz-Algorithm=AWS4-HMAC-SHA256"])
def test_a_browser_at_the_door(router: Router, query: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        router.route(request(method="GET", query=query, body=b""), None)
    assert (caught.value.code, caught.value.status) == ("MissingAuthenticationTokenException", 403)


@pytest.mark.parametrize(
    ("method", "path", "query", "operation", "labels"),
    [
        ("GET", b"/2015-03-31/functions", b"", "ListFunctions", {}),
        ("GET", b"/2015-03-31/functions/", b"", "ListFunctions", {}),
        ("POST", b"/2015-03-31/functions/f/invocations", b"", "Invoke", {"FunctionName": "f"}),
        (
            "GET",
            b"/2015-03-31/functions/arn%3Aaws%3Alambda/policy",
            b"",
            "GetPolicy",
            {"FunctionName": "arn:aws:lambda"},
        ),
        ("GET", b"/2015-03-31/functions/a%2Fb", b"", "GetFunction", {"FunctionName": "a/b"}),
        ("GET", b"/2015-03-31/%66unctions", b"", "ListFunctions", {}),
        ("GET", b"/2018-10-31/layers", b"", "ListLayers", {}),
        ("GET", b"/2018-10-31/layers", b"find=LayerVersion&Arn=x", "GetLayerVersionByArn", {}),
    ],
)
def test_rest_paths(
    router: Router, method: str, path: bytes, query: bytes, operation: str, labels: dict[str, str]
) -> None:
    route = router.route(request(method=method, path=path, query=query), "lambda")
    assert (route.operation, route.labels) == (operation, labels)


def test_every_rest_template_routes_to_its_own_operation(router: Router) -> None:
    spec = service("lambda")
    for name in spec.operations:
        http = spec._model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        filled = path.replace("{", "").replace("}", "").encode()
        assert router.route(request(http["method"], filled, query.encode()), "lambda").operation == name


def test_body_limits(router: Router) -> None:
    create = request(path=b"/2015-03-31/functions", body=b"")
    invoke = request(path=b"/2015-03-31/functions/f/invocations", body=b"")
    assert router.body_limit(create) == MAX_BODY_LIMIT
    assert DEFAULT_BODY_LIMIT < router.body_limit(invoke) < MAX_BODY_LIMIT
    assert router.body_limit(request(headers=(TARGET, JSON))) == DEFAULT_BODY_LIMIT
    assert router.body_limit(request(path=b"/nothing")) == DEFAULT_BODY_LIMIT
    large = b"x" * (DEFAULT_BODY_LIMIT + 1)
    assert router.route(request(path=invoke.raw_path, body=large), "lambda").operation == "Invoke"
    for refused in (request(headers=(TARGET, JSON), body=large), request(headers=(FORM,), body=large)):
        with pytest.raises(AwsError) as caught:
            router.route(refused, "iam")
        assert (caught.value.code, caught.value.status) == ("RequestEntityTooLargeException", 413)


def test_protocol_of_unroutable_requests() -> None:
    assert protocol_of(request(headers=(TARGET,))) is Protocol.JSON
    assert protocol_of(request(headers=(JSON,))) is Protocol.JSON
    assert protocol_of(request(headers=(FORM,))) is Protocol.QUERY
    assert protocol_of(request(headers=((b"content-type", b"text/html"),))) is Protocol.REST_JSON
