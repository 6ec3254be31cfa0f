"""The function runtime: sandboxed processes that run Lambda functions over the public Lambda Runtime API.

`FunctionPool` takes a `FunctionSpec` and an event and answers what the function answered. Python handlers run through
``bootstrap.py``; a ``provided.*`` function brings its own ``bootstrap``. How a process is confined is a `Sandbox`,
chosen by `detect_sandbox`: bubblewrap where it works, limits alone where it does not.

It may touch the errors and the world, its work folder and the loopback. The store, IAM, keys and the HTTP door never
enter: code, credentials and the place for logs are handed in as callables.
"""

from strongroom.services.awslambda.runtime.bubblewrap import BubblewrapSandbox
from strongroom.services.awslambda.runtime.detection import detect_sandbox
from strongroom.services.awslambda.runtime.environment import RESERVED_VARIABLES
from strongroom.services.awslambda.runtime.model import (
    PAYLOAD_LIMIT,
    REQUEST_LIMIT,
    Credentials,
    FunctionSpec,
    InvocationResult,
    LayerSpec,
    LogSink,
    Surroundings,
)
from strongroom.services.awslambda.runtime.plain import PlainSandbox
from strongroom.services.awslambda.runtime.pool import FunctionPool
from strongroom.services.awslambda.runtime.programs import is_supported_runtime
from strongroom.services.awslambda.runtime.sandbox import Sandbox
from strongroom.services.awslambda.runtime.unpack import UNPACKED_LIMIT, inspect_archive

__all__ = [
    "PAYLOAD_LIMIT",
    "REQUEST_LIMIT",
    "RESERVED_VARIABLES",
    "UNPACKED_LIMIT",
    "BubblewrapSandbox",
    "Credentials",
    "FunctionPool",
    "FunctionSpec",
    "InvocationResult",
    "LayerSpec",
    "LogSink",
    "PlainSandbox",
    "Sandbox",
    "Surroundings",
    "detect_sandbox",
    "inspect_archive",
    "is_supported_runtime",
]
