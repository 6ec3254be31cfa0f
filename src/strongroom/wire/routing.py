"""Which operation of which service a request asks for.

Three doors, told apart by headers: ``X-Amz-Target`` for JSON 1.1, a form body for Query, and a path for REST-JSON. The
router knows only the services that it was given, and answers for anything else with AWS's error. Whether an operation
is implemented, and whether the caller may use it, is decided further up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from strongroom.wire.error_responses import Protocol
from strongroom.wire.http import HttpRequest
from strongroom.wire.models import DEFAULT_BODY_LIMIT, Route, ServiceSpec
from strongroom.wire.query_codec import parse_form, percent_decode
from strongroom.wire.refusals import (
    invalid_action,
    missing_action,
    missing_authentication_token,
    request_entity_too_large,
    unknown_operation,
)
from strongroom.wire.rest_codec import parse_query_string
from strongroom.wire.uri_templates import UriTemplates

__all__ = ["Router", "protocol_of"]

_JSON_TYPES = frozenset({b"application/x-amz-json-1.1", b"application/x-amz-json-1.0"})
_FORM_TYPE = b"application/x-www-form-urlencoded"
_NOTHING: Mapping[str, str] = {}


def _media_type(value: bytes) -> bytes:
    """A content type without its parameters."""
    return value.partition(b";")[0].strip().lower()


def protocol_of(request: HttpRequest) -> Protocol:
    """The protocol in which to answer a request that could not be routed."""
    for name, value in request.headers:
        if name == b"x-amz-target":
            return Protocol.JSON
        if name == b"content-type":
            media_type = _media_type(value)
            if media_type in _JSON_TYPES:
                return Protocol.JSON
            if media_type == _FORM_TYPE:
                return Protocol.QUERY
    return Protocol.REST_JSON


class Router:
    """Finds the operation of a request among a set of services."""

    __slots__ = ("_by_version", "_query", "_rest", "_targets")

    def __init__(self, services: Iterable[ServiceSpec]) -> None:
        """Index the services.

        Args:
            services: The services that this installation answers for.
        """
        self._targets: dict[bytes, Route] = {}
        self._query: dict[str, ServiceSpec] = {}
        self._by_version: dict[str, ServiceSpec] = {}
        self._rest: list[tuple[ServiceSpec, UriTemplates]] = []
        for spec in services:
            if spec.protocol is Protocol.JSON:
                for name in spec.operations:
                    target = f"{spec.target_prefix}.{name}".encode("ascii")
                    self._targets[target] = Route(spec, name, _NOTHING, _NOTHING)
            elif spec.protocol is Protocol.QUERY:
                self._query[spec.signing_name] = spec
                self._by_version[spec.api_version] = spec
            else:
                self._rest.append((spec, spec.uri_templates()))

    def route(self, request: HttpRequest, signing_service: str | None) -> Route:
        """Find the operation.

        Args:
            request: The request.
            signing_service: The service in the signature's credential scope, or None for an unsigned request. It picks
                the service of a Query request; without it the version does, which is how STS's unsigned operations
                arrive.

        Raises:
            AwsError: UnknownOperationException, InvalidAction, MissingAction, MissingAuthenticationTokenException,
                MalformedQueryString, InvalidQueryParameter or RequestEntityTooLargeException.
        """
        target: bytes | None = None
        content_type = b""
        for name, value in request.headers:
            if name == b"x-amz-target":
                if target is not None:  # two targets are two readings of one request
                    raise unknown_operation()
                target = value
            elif name == b"content-type":
                content_type = value
        if target is not None:
            route = self._route_json(request, target, content_type)
        elif _media_type(content_type) == _FORM_TYPE and request.method == "POST":
            route = self._route_query(request, signing_service)
        else:
            route = self._route_rest(request)
        # A specification is made at first use: not here, unless a body is large.
        limit = DEFAULT_BODY_LIMIT if len(request.body) <= DEFAULT_BODY_LIMIT else route.spec.body_limit
        if len(request.body) > limit:
            raise request_entity_too_large(limit)
        return route

    def body_limit(self, request: HttpRequest) -> int:
        """The largest body in bytes to read for a request whose head has arrived.

        Args:
            request: The request with an empty body.
        """
        if protocol_of(request) is Protocol.REST_JSON:
            found = self._find_rest(request)
        else:
            targets = (self._targets.get(value) for name, value in request.headers if name == b"x-amz-target")
            found = next(targets, None)
        return DEFAULT_BODY_LIMIT if found is None else found.spec.body_limit

    def _route_json(self, request: HttpRequest, target: bytes, content_type: bytes) -> Route:
        route = self._targets.get(target)
        if route is None or request.method != "POST" or request.raw_path != b"/":
            raise unknown_operation()
        if content_type not in _JSON_TYPES and _media_type(content_type) not in _JSON_TYPES:
            raise unknown_operation()
        return route

    def _route_query(self, request: HttpRequest, signing_service: str | None) -> Route:
        if len(request.body) > DEFAULT_BODY_LIMIT:
            raise request_entity_too_large(DEFAULT_BODY_LIMIT)
        if request.raw_path != b"/":
            raise unknown_operation(status=404)
        form = parse_form(request.body)
        action, version = form.get("Action"), form.get("Version")
        if not action:
            raise missing_action()
        spec = self._by_version.get(version or "") if signing_service is None else self._query.get(signing_service)
        if spec is None or version != spec.api_version or action not in spec.operations:
            raise invalid_action(action, version)
        return Route(spec, action, _NOTHING, form)

    def _route_rest(self, request: HttpRequest) -> Route:
        route = self._find_rest(request)
        if route is None:
            if request.raw_path == b"/":
                raise missing_authentication_token()
            raise unknown_operation(status=404)
        return route

    def _find_rest(self, request: HttpRequest) -> Route | None:
        path = request.raw_path
        if not path.startswith(b"/") or path == b"/":
            return None
        segments = [percent_decode(segment) for segment in path.removesuffix(b"/")[1:].split(b"/")]
        query = parse_query_string(request.query_string)
        for spec, templates in self._rest:
            found = templates.match(request.method, segments, query)
            if found is not None:
                return Route(spec, found.operation, found.labels, _NOTHING)
        return None
