"""Requests as clients of each protocol send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import orjson
import pytest

from strongroom.wire import HttpRequest, Route, Router, service

JsonPost = Callable[[str, object], HttpRequest]
FormPost = Callable[[Mapping[str, str]], HttpRequest]
Parse = Callable[..., dict[str, object]]


@pytest.fixture(scope="session")
def router() -> Router:
    """A router over services of all three protocols."""
    return Router([service(name) for name in ("secretsmanager", "kms", "ssm", "iam", "sts", "rds", "lambda")])


@pytest.fixture
def json_post() -> JsonPost:
    """A JSON 1.1 request: target, and a body as a document or as bytes."""

    def build(target: str, body: object) -> HttpRequest:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = ((b"x-amz-target", target.encode()), (b"content-type", b"application/x-amz-json-1.1"))
        return HttpRequest("POST", b"/", b"", headers, content, "127.0.0.1")

    return build


@pytest.fixture
def form_post() -> FormPost:
    """A Query request with these fields."""

    def build(fields: Mapping[str, str]) -> HttpRequest:
        headers = ((b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"),)
        return HttpRequest("POST", b"/", b"", headers, urlencode(fields).encode(), "127.0.0.1")

    return build


@pytest.fixture
def parse(router: Router) -> Parse:
    """Route a request and parse it."""

    def run(request: HttpRequest, signing_service: str | None = None) -> dict[str, object]:
        route: Route = router.route(request, signing_service)
        return route.spec.parse(request, route)

    return run
