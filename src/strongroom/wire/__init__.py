"""The wire: AWS's protocols on one side, plain parameters and results on the other.

A request becomes a service, an operation and validated parameters; a result or an error becomes an answer in the
caller's protocol (AWS JSON 1.1, Query with XML, REST-JSON). Everything about a shape comes from the service models of
the installed botocore, compiled once per operation.

    router = Router([service("secretsmanager"), service("iam")])
    route = router.route(request, signing_service)
    operation = route.spec
    parameters = operation.parse(request, route)
    answer = operation.serialise(result, request_id)      # or operation.serialise_error(error, request_id)

This room is a pure library: it may touch the models on disk and nothing else. No clock, no store, no identity and no
knowledge of which operations are implemented enters it, and no value of a sensitive member leaves it in an error.
"""

from strongroom.wire.error_responses import Protocol, error_response
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.models import (
    DEFAULT_BODY_LIMIT,
    MAX_BODY_LIMIT,
    OWN_MODELS,
    OperationSpec,
    Route,
    ServiceSpec,
    service,
)
from strongroom.wire.patterns import untranslatable
from strongroom.wire.refill import Refill
from strongroom.wire.refusals import (
    missing_authentication_token,
    request_entity_too_large,
    unknown_operation,
)
from strongroom.wire.routing import Router, protocol_of

__all__ = [
    "DEFAULT_BODY_LIMIT",
    "MAX_BODY_LIMIT",
    "OWN_MODELS",
    "HttpRequest",
    "HttpResponse",
    "OperationSpec",
    "Protocol",
    "Refill",
    "Route",
    "Router",
    "ServiceSpec",
    "error_response",
    "missing_authentication_token",
    "protocol_of",
    "request_entity_too_large",
    "service",
    "unknown_operation",
    "untranslatable",
]
