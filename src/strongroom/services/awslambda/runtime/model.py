"""The values that pass between the function runtime and whoever uses it.

Everything the pool needs from the rest of the product is handed in here as a value or a callable, so that this
package knows nothing of the store, of IAM or of the HTTP door.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from strongroom.services.awslambda.runtime.sandbox import Sandbox
    from strongroom.world import World

__all__ = [
    "PAYLOAD_LIMIT",
    "REQUEST_LIMIT",
    "Credentials",
    "FunctionSpec",
    "InvocationResult",
    "LayerSpec",
    "LogSink",
    "Surroundings",
]

REQUEST_LIMIT = 6 * 1024 * 1024
"""Bytes of an event that Invoke accepts for a synchronous call (AWS "Lambda quotas": 6 MB)."""

PAYLOAD_LIMIT = REQUEST_LIMIT + 100
"""Bytes of an answer that Lambda accepts: the figure that its own error text names, 6291556."""


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer of a function.

    Attributes:
        arn: The ARN of the layer's version.
        code_sha256: Lower-case hex SHA-256 of its zip archive.
    """

    arn: str
    code_sha256: str


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of one function: what to run and under which limits.

    Attributes:
        arn: The function's ARN, without a qualifier.
        name: The function's name.
        version: ``$LATEST`` or a version number.
        account: Twelve digits.
        region: Such as ``eu-central-1``.
        runtime: Such as ``python3.12`` or ``provided.al2023``.
        handler: ``module.function`` or ``package/module.function`` for Python; handed to a ``bootstrap`` as it is.
        code_sha256: Lower-case hex SHA-256 of the zip archive.
        memory_megabytes: MemorySize, in MiB.
        timeout_seconds: Timeout, in seconds.
        log_group: Where the output goes, such as ``/aws/lambda/<name>``.
        revision: Changes with every change of code or configuration; processes are kept per (arn, revision).
        layers: The layers, from the lowest to the uppermost.
        temporary_megabytes: The size of ``/tmp``, in MiB.
    """

    arn: str
    name: str
    version: str
    account: str
    region: str
    runtime: str
    handler: str
    code_sha256: str
    memory_megabytes: int
    timeout_seconds: int
    log_group: str
    revision: str
    layers: tuple[LayerSpec, ...] = ()
    temporary_megabytes: int = 512


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials of the execution role. ``repr`` shows only when they expire."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What an invocation answered.

    Attributes:
        payload: The handler's answer, or the error document when ``function_error`` is set.
        function_error: ``Unhandled`` when the function failed (the value of ``X-Amz-Function-Error``), else None.
        log_tail: The last 4 KiB of the invocation's log, empty unless it was asked for.
        log_stream: The stream that the log went to; empty when no process was started.
    """

    payload: bytes = field(repr=False)
    function_error: str | None
    log_tail: bytes = field(repr=False)
    log_stream: str = ""


class LogSink(Protocol):
    """Keeps what functions print."""

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        """Keep ``entries``, pairs of (milliseconds since the epoch, text), in order.

        Called on the event loop: it hands the entries over and returns without waiting.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pool is given once.

    Attributes:
        endpoint_url: Strongroom's own URL, as a function process on this host reaches it.
        ca_bundle: The operator's CAs in PEM, trusted by functions besides the public ones.
        work_dir: A folder that belongs to the pool alone. What lies in it from an earlier life is removed at start.
        world: Clock and entropy.
        sandbox: How a process is confined; see `detect_sandbox`.
        log_sink: Receives the output of functions.
        code_loader: Answers the zip archive of a function.
        layer_loader: Answers the zip archive of a layer.
        variables: Answers a function's own environment variables in clear.
        credentials: Answers fresh credentials of a function's execution role.
        hidden_paths: Host folders (the data folder, above all) to cover should they lie inside something that
            functions can see, such as ``/usr``.
        own_network: Whether a function has a network of its own, with nothing in it but Strongroom.
        max_processes: Function processes alive at one time.
        idle_seconds: How long a process may wait for its next invocation before it is ended.
        queue_seconds: How long an invocation waits for a free process before it is throttled.
        init_seconds: How long a process may take to load its code (AWS: 10 seconds).
    """

    endpoint_url: str
    ca_bundle: Path | None
    work_dir: Path
    world: World
    sandbox: Sandbox
    log_sink: LogSink
    code_loader: Callable[[FunctionSpec], Awaitable[bytes]]
    layer_loader: Callable[[LayerSpec], Awaitable[bytes]]
    variables: Callable[[FunctionSpec], Awaitable[Mapping[str, str]]]
    credentials: Callable[[FunctionSpec], Awaitable[Credentials]]
    hidden_paths: tuple[Path, ...] = ()
    own_network: bool = False
    max_processes: int = 8
    idle_seconds: float = 300.0
    queue_seconds: float = 60.0
    init_seconds: float = 10.0
