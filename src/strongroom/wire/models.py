"""Service models of the installed botocore, compiled to what the wire needs.

A model is loaded when its service is first asked for and an operation is compiled when it is first used. Documentation
is dropped on loading, and only the models inside the botocore package and the one of our own operator API count: a file
in a user's ``~/.aws/models`` must not change what the server accepts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape

from strongroom.errors import AwsError, OperatorError
from strongroom.wire.error_responses import ErrorCatalogue, Protocol, error_response, response
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.json_codec import JsonCodec, load_json
from strongroom.wire.query_codec import QueryCodec, form_tree
from strongroom.wire.refill import Refill
from strongroom.wire.rest_codec import RestInput, RestOutput, parse_query_string
from strongroom.wire.uri_templates import UriTemplates
from strongroom.wire.validate import ConstraintCompiler, validator
from strongroom.wire.xml_codec import XmlCodec

__all__ = ["DEFAULT_BODY_LIMIT", "MAX_BODY_LIMIT", "OWN_MODELS", "OperationSpec", "Route", "ServiceSpec", "service"]

OWN_MODELS = Path(__file__).parent / "data"
"""The folder of the service model that is our own, ``strongroom``, laid out as botocore's loader wants it."""

DEFAULT_BODY_LIMIT = 1 << 20
"""The largest body in bytes unless the operation is one of `_BODY_LIMITS`: room for the largest secret and policies."""

_INVOKE_LIMIT = 6_291_556
_ARCHIVE_LIMIT = 70 << 20
_BODY_LIMITS: Mapping[tuple[str, str], int] = {
    ("lambda", "Invoke"): _INVOKE_LIMIT,
    ("lambda", "InvokeAsync"): _INVOKE_LIMIT,
    ("lambda", "InvokeWithResponseStream"): _INVOKE_LIMIT,
    ("lambda", "CreateFunction"): _ARCHIVE_LIMIT,
    ("lambda", "UpdateFunctionCode"): _ARCHIVE_LIMIT,
    ("lambda", "PublishLayerVersion"): _ARCHIVE_LIMIT,
    ("logs", "PutLogEvents"): 4 << 20,
}
"""Lambda's quotas: 6 MB for an invocation, 50 MB for a direct upload, which base64 makes a third larger. CloudWatch
Logs': 1 MB of messages, which JSON may write up to several times as long.
"""

MAX_BODY_LIMIT = max(DEFAULT_BODY_LIMIT, *_BODY_LIMITS.values())
"""No operation takes a larger body, in bytes."""

Parameters = dict[str, object]
_Parser = Callable[[HttpRequest, "Route"], Parameters]
_Serialiser = Callable[[Mapping[str, object], str], HttpResponse]

_LONGEST_REMEMBERED_BODY = 512
_MOST_REMEMBERED_BODIES = 4096
_SINGLE_VALUES = frozenset({"string", "boolean", "integer", "long"})

_INTERNAL_ERRORS: Mapping[str, str] = {
    "kms": "KMSInternalException",
    "ssm": "InternalServerError",
    "iam": "ServiceFailure",
    "lambda": "ServiceException",
}

_OWN_CODES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cloudtrail", "LookupEvents"): {
        "lookupAttributes": "InvalidLookupAttributesException",
        "maxResults": "InvalidMaxResultsException",
        "eventCategory": "InvalidEventCategoryException",
    },
}
"""Operations whose model has an error for a member that violates it: (service, operation) -> member -> code."""

_PLACE = re.compile(" at '([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        service: The service.
        operation: The operation's name in the service's model.
        labels: REST: the values of the path's labels, decoded.
        form: Query: the fields of the body, decoded.
    """

    service: ServiceSpec
    operation: str
    labels: Mapping[str, str]
    form: Mapping[str, str]

    @property
    def spec(self) -> OperationSpec:
        """The compiled operation."""
        return self.service.operation(self.operation)


class OperationSpec:
    """One operation, compiled: parameters in, result and errors out. Both directions compile at first use.

    Attributes:
        name: The operation's name.
        service: Its service.
        body_limit: The largest body in bytes that the operation takes.
        unsigned: Whether its requests carry no signature.
    """

    __slots__ = ("_model", "_parser", "_serialiser", "body_limit", "name", "service", "unsigned")

    def __init__(self, owner: ServiceSpec, model: OperationModel) -> None:
        self.name = model.name
        self.service = owner
        self.body_limit = _BODY_LIMITS.get((owner.name, self.name), DEFAULT_BODY_LIMIT)
        self.unsigned = model.auth_type == "none"
        self._model = model
        self._parser: _Parser | None = None
        self._serialiser: _Serialiser | None = None

    def parse(self, request: HttpRequest, route: Route) -> Parameters:
        """Read and validate the parameters of a request.

        Args:
            request: The request.
            route: What the router made of it.

        Returns:
            The members of the input shape that are present: blobs as bytes, timestamps as aware datetimes, integers as
            int.

        Raises:
            AwsError: SerializationException (MalformedInput in the Query protocol) for what cannot be read;
                ValidationException (ValidationError) for what violates the model.
        """
        if self._parser is None:
            self._parser = self.service.compile_parser(self._model)
        return self._parser(request, route)

    def serialise(self, result: Mapping[str, object], request_id: str) -> HttpResponse:
        """Write a result.

        Args:
            result: The members of the output shape; those that are None are left out. Blobs are bytes, timestamps aware
                datetimes.
            request_id: The request's id.

        Raises:
            KeyError: The result holds a member that the model does not have.
        """
        if self._serialiser is None:
            self._serialiser = self.service.compile_serialiser(self._model)
        return self._serialiser(result, request_id)

    def refill(self, result: Mapping[str, object], members: Container[str]) -> Refill:
        """Keep a result so that it can be written again with other values of some members. For JSON services.

        Args:
            result: As for `serialise`.
            members: Strings or blobs at the top of the result.
        """
        return Refill(lambda others: self.serialise(others, "").body, result, members)

    def serialise_error(self, error: AwsError, request_id: str) -> HttpResponse:
        """Write an error in the service's protocol."""
        return self.service.serialise_error(error, request_id)


class ServiceSpec:
    """One service of the installed botocore.

    Attributes:
        name: The name here and in boto3, such as ``secretsmanager``.
        protocol: The protocol that it is spoken to in.
        api_version: The model's version, such as ``2017-10-17``.
        target_prefix: JSON: what stands before the dot in ``X-Amz-Target``; else None.
        signing_name: The service in a signature's credential scope.
        operations: The names of all operations of the model.
        errors: The error shapes of the model.
    """

    __slots__ = (
        "_constraints",
        "_json",
        "_model",
        "_operations",
        "_query",
        "_xml",
        "api_version",
        "errors",
        "name",
        "operations",
        "protocol",
        "signing_name",
        "target_prefix",
    )

    def __init__(self, name: str, description: Mapping[str, Any]) -> None:
        """Take a model in.

        Args:
            name: The service's name.
            description: The content of its ``service-2.json``.
        """
        self._model = ServiceModel(description, name)
        metadata = self._model.metadata
        self.name = name
        self.protocol = Protocol(metadata["protocol"])
        self.api_version: str = metadata["apiVersion"]
        self.target_prefix: str | None = metadata.get("targetPrefix")
        self.signing_name: str = metadata.get("signingName") or metadata["endpointPrefix"]
        self.operations = frozenset(self._model.operation_names)
        self._operations: dict[str, OperationSpec] = {}
        self._json = JsonCodec()
        self._query = QueryCodec()
        self._xml = XmlCodec()
        self._constraints = ConstraintCompiler()
        self.errors = ErrorCatalogue(self._model, description["shapes"], self._json)

    def __repr__(self) -> str:
        return f"ServiceSpec({self.name!r})"

    def operation(self, name: str) -> OperationSpec:
        """An operation by its name in the model.

        Raises:
            KeyError: The model has no such operation.
        """
        spec = self._operations.get(name)
        if spec is None:
            if name not in self.operations:
                raise KeyError(name)
            spec = self._operations[name] = OperationSpec(self, self._model.operation_model(name))
        return spec

    def uri_templates(self) -> UriTemplates:
        """The URI templates of all operations (REST services)."""
        templates = UriTemplates()
        for name in sorted(self.operations):
            http = self._model.operation_model(name).http
            templates.add(http["method"], http["requestUri"], name)
        return templates

    def serialise_error(self, error: AwsError, request_id: str) -> HttpResponse:
        """Write an error in the service's protocol."""
        return error_response(self.protocol, error, request_id, self.errors)

    def internal_error(self) -> AwsError:
        """The service's own error for a failure on our side. Clients retry it."""
        code = _INTERNAL_ERRORS.get(self.name, "InternalServiceError")
        return AwsError(code, "An error occurred on the server side.", status=500)

    def compile_parser(self, model: OperationModel) -> _Parser:
        """Build the reader of an operation's input; used by `OperationSpec`."""
        shape = model.input_shape
        if shape is None:
            return lambda request, route: {}
        validate = validator(self._constraints.check(shape))
        read = self._reader(shape)
        if validate is None:
            return read
        if self.protocol is Protocol.QUERY:
            validate = _as_validation_error(validate)
        elif (codes := _OWN_CODES.get((self.name, model.name))) is not None:
            validate = _with_own_codes(validate, codes)

        def parse(request: HttpRequest, route: Route) -> Parameters:
            parameters = read(request, route)
            validate(parameters)
            return parameters

        if self.protocol is Protocol.JSON and _is_plain(shape):
            return self._remembering(parse)
        return parse

    def _reader(self, shape: StructureShape) -> _Parser:
        if self.protocol is Protocol.REST_JSON:
            rest = RestInput(shape, self._json)
            return lambda request, route: rest.read(request, route.labels, parse_query_string(request.query_string))
        if self.protocol is Protocol.QUERY:
            decode_tree = self._query.decoder(shape)
            return lambda request, route: decode_tree(form_tree(route.form))
        decode_document = self._json.decoder(shape)
        return lambda request, route: decode_document(load_json(request.body))

    @staticmethod
    def _remembering(parse: _Parser) -> _Parser:
        """A reader that keeps what it made of short bodies: clients ask for the same few secrets again and again.

        Only for operations whose parameters depend on nothing but the body, hold no secret, and are single values,
        so that each caller gets a dict of its own. A body that is refused is not kept.
        """
        kept: dict[bytes, Parameters] = {}

        def remember(request: HttpRequest, route: Route) -> Parameters:
            body = request.body
            parameters = kept.get(body)
            if parameters is None:
                parameters = parse(request, route)
                if len(body) <= _LONGEST_REMEMBERED_BODY:
                    if len(kept) >= _MOST_REMEMBERED_BODIES:
                        kept.clear()
                    kept[body] = parameters
            return parameters.copy()

        return remember

    def compile_serialiser(self, model: OperationModel) -> _Serialiser:
        """Build the writer of an operation's output; used by `OperationSpec`."""
        shape = model.output_shape
        if self.protocol is Protocol.REST_JSON:
            rest = RestOutput(shape, model.http.get("responseCode", 200), self._json)

            def write_rest(result: Mapping[str, object], request_id: str) -> HttpResponse:
                status, headers, body = rest.write(result)
                return response(Protocol.REST_JSON, status, body, request_id, headers)

            return write_rest
        if self.protocol is Protocol.QUERY:
            return self._query_writer(model.name, shape)
        encode = self._json.encoder(shape) if shape is not None else self._json.members_encoder({})
        dumps = orjson.dumps

        def write_json(result: Mapping[str, object], request_id: str) -> HttpResponse:
            return response(Protocol.JSON, 200, dumps(encode(result)), request_id)

        return write_json

    def _query_writer(self, operation: str, shape: StructureShape | None) -> _Serialiser:
        """A writer of ``<OpResponse>`` around ``<OpResult>``, which is left out for an operation without output."""
        opening = f'<{operation}Response xmlns="{self.errors.namespace}">'
        closing = f"</{operation}Response>"
        wrapper = None if shape is None else shape.serialization.get("resultWrapper")
        write_content = None if shape is None else self._xml.content_writer(shape)

        def write(result: Mapping[str, object], request_id: str) -> HttpResponse:
            out = [opening]
            if wrapper:
                out.append(f"<{wrapper}>")
            if write_content is not None:
                write_content(out, result)
            elif result:
                raise KeyError(next(iter(result)))
            if wrapper:
                out.append(f"</{wrapper}>")
            out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>{closing}")
            return response(Protocol.QUERY, 200, "".join(out).encode(), request_id)

        return write


def _is_plain(shape: StructureShape) -> bool:
    """Whether every member is a single value that the model does not mark as sensitive."""
    return all(
        member.type_name in _SINGLE_VALUES and not member.metadata.get("sensitive") for member in shape.members.values()
    )


def _as_validation_error(validate: Callable[[Mapping[str, object]], None]) -> Callable[[Mapping[str, object]], None]:
    """Rename a validator's error as the Query services call it, so that the trail records the name the caller sees."""

    def renamed(parameters: Mapping[str, object]) -> None:
        try:
            validate(parameters)
        except AwsError as error:
            raise AwsError("ValidationError", error.message) from None

    return renamed


def _with_own_codes(
    validate: Callable[[Mapping[str, object]], None], codes: Mapping[str, str]
) -> Callable[[Mapping[str, object]], None]:
    """Give a validator's error the code that the model has for the first member that violates it, if it has one."""

    def renamed(parameters: Mapping[str, object]) -> None:
        try:
            validate(parameters)
        except AwsError as error:
            place = _PLACE.search(error.message)
            raise AwsError(codes.get(place[1] if place else "", error.code), error.message) from None

    return renamed


@cache
def service(name: str) -> ServiceSpec:
    """Load a service's model, once per process.

    Args:
        name: The service's name in botocore, such as ``secretsmanager``, ``iam`` or ``lambda``; or ``strongroom``.

    Raises:
        OperatorError: The installed botocore has no such service.
    """
    paths = [Loader.BUILTIN_DATA_PATH, str(OWN_MODELS)]
    loader = Loader(extra_search_paths=paths, include_default_search_paths=False)
    try:
        description = loader.load_service_model(name, "service-2")
    except UnknownServiceError:
        raise OperatorError(
            f"The installed botocore has no model of the service {name!r}.",
            fix="Install the botocore version that the requirements lock.",
        ) from None
    return ServiceSpec(name, _without_documentation(description))


def _without_documentation(node: Any) -> Any:
    """A model without its prose, which is most of it, as plain dicts with shared keys."""
    if isinstance(node, dict):
        return {sys.intern(key): _without_documentation(value) for key, value in node.items() if key != "documentation"}
    if isinstance(node, list):
        return [_without_documentation(item) for item in node]
    return node
