"""Runs a Python handler: the program inside the sandbox.

It speaks the Lambda Runtime API, needs nothing but a standard library from Python 3.8 on, and imports nothing of
Strongroom. Its arguments are the folders to import from, in order.

What a handler sees is Lambda's own behaviour ("Define Lambda function handler in Python", "Using the Lambda context
object", "Log and monitor Python Lambda functions"): the event from JSON, the context object, a root logger whose lines
carry the request id, and error documents with type, message and stack trace.
"""

from __future__ import annotations

import http.client
import importlib
import json
import logging
import os
import site
import sys
import time
import traceback
from types import TracebackType
from typing import Any, Callable, Mapping  # noqa: UP035 - those of collections.abc cannot be subscripted on Python 3.8

_RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
_VERSION = "/2018-06-01/runtime/"
Handler = Callable[[Any, "LambdaContext"], Any]


class CognitoIdentity:
    """The caller's Cognito identity; empty, since no caller has one here."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class ClientContext:
    """What the caller told about itself through ClientContext."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.custom = document.get("custom")
        self.env = document.get("env")
        self.client = document.get("client")


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, request_id: str, deadline_ms: int, function_arn: str, client_context: str | None) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = CognitoIdentity()
        self.client_context = ClientContext(json.loads(client_context)) if client_context else None
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out."""
        return max(0, self._deadline_ms - time.time_ns() // 1_000_000)

    def log(self, message: object) -> None:
        """Print ``message`` to the log stream."""
        print(message)  # noqa: T201 - the log stream is standard output


class InvocationLogHandler(logging.Handler):
    """The root logger's handler: one line a record, with the id of the invocation that runs."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        record.aws_request_id = self.request_id
        sys.stdout.write(self.format(record) + "\n")


class RuntimeClient:
    """The Runtime API, over one kept connection."""

    def __init__(self, address: str) -> None:
        host, _, self._path = address.partition("/")
        self._connection = http.client.HTTPConnection(host)

    def next(self) -> tuple[Mapping[str, str], bytes]:
        """Wait for the next invocation: its headers and its event."""
        return self._exchange("GET", "invocation/next", None)

    def respond(self, request_id: str, document: bytes) -> None:
        """Answer an invocation."""
        self._exchange("POST", f"invocation/{request_id}/response", document)

    def fail(self, request_id: str, document: bytes) -> None:
        """Answer an invocation with an error."""
        self._exchange("POST", f"invocation/{request_id}/error", document)

    def cannot_start(self, document: bytes) -> None:
        """Tell that the handler cannot be loaded."""
        self._exchange("POST", "init/error", document)

    def _exchange(self, method: str, resource: str, body: bytes | None) -> tuple[Mapping[str, str], bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, f"/{self._path}{_VERSION}{resource}", body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise SystemExit(f"The runtime API refused {resource}: {response.status}")
        return dict(response.headers.items()), content


def error_document(
    kind: str, message: str, trace: TracebackType | None, request_id: str, *, skip: int = 1
) -> dict[str, Any]:
    """An error as Lambda reports it; ``skip`` frames of this file come first in the trace and are left out."""
    frames = traceback.format_list(traceback.extract_tb(trace)[skip:])
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": frames}


def load_handler(name: str) -> Handler:
    """Import ``package/module.function``.

    Raises:
        HandlerError: It is malformed or there is no such thing.
    """
    module_name, _, function_name = name.rpartition(".")
    if not module_name or not function_name:
        raise HandlerError("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise HandlerError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise HandlerError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    handler: Handler | None = getattr(module, function_name, None)
    if handler is None:
        raise HandlerError("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return handler


class HandlerError(Exception):
    """The handler cannot be loaded, for a reason with a name of Lambda's own."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def report(document: Mapping[str, Any]) -> None:
    """Print an error to the log stream."""
    lines = [f"[ERROR] {document['errorType']}: {document['errorMessage']}"]
    if document["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines += [frame.rstrip("\n") for frame in document["stackTrace"]]
    sys.stdout.write("\n".join(lines) + "\n")


def call(handler: Handler, event: bytes, context: LambdaContext) -> tuple[bytes, bool]:
    """Run the handler: its document, and whether it is an error."""
    request_id = context.aws_request_id
    try:
        result = handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
        document = error_document(type(error).__name__, str(error), error.__traceback__, request_id)
    else:
        try:
            encoded = json.dumps(result).encode()
        except (TypeError, ValueError) as error:
            text = f"Unable to marshal response: {error}"
            document = error_document("Runtime.MarshalError", text, None, request_id)
        else:
            if len(encoded) <= _RESPONSE_LIMIT:
                return encoded, False
            text = f"Response payload size exceeded maximum allowed payload size ({_RESPONSE_LIMIT} bytes)."
            document = error_document("Function.ResponseSizeTooLarge", text, None, request_id)
    report(document)
    return json.dumps(document).encode(), True


def set_up_logging() -> InvocationLogHandler:
    """Give the root logger Lambda's handler and format."""
    handler = InvocationLogHandler()
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    return handler


def prepare(folders: list[str]) -> None:
    """Import from ``folders`` first, and write each line out as it is printed."""
    sys.path[:0] = folders
    site.setquit()  # exit() and quit(), which an interpreter without site lacks
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def main() -> None:
    """Load the handler and serve invocations until the process is ended."""
    prepare(sys.argv[1:])
    log_handler = set_up_logging()
    client = RuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except HandlerError as error:
        document = error_document(error.kind, str(error), None, "")
    except Exception as error:  # noqa: BLE001 - whatever a module raises while it loads is its answer
        document = error_document(type(error).__name__, str(error), error.__traceback__, "", skip=1)
    else:
        serve(client, handler, log_handler)
        return
    report(document)
    client.cannot_start(json.dumps(document).encode())
    sys.exit(1)


def serve(client: RuntimeClient, handler: Handler, log_handler: InvocationLogHandler) -> None:
    """Take one invocation after the other."""
    while True:
        headers, event = client.next()
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        log_handler.request_id = request_id
        os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
        context = LambdaContext(
            request_id,
            int(headers["Lambda-Runtime-Deadline-Ms"]),
            headers["Lambda-Runtime-Invoked-Function-Arn"],
            headers.get("Lambda-Runtime-Client-Context"),
        )
        document, failed = call(handler, event, context)
        sys.stdout.flush()
        sys.stderr.flush()
        if failed:
            client.fail(request_id, document)
        else:
            client.respond(request_id, document)


if __name__ == "__main__":
    main()
