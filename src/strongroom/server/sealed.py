"""The door of a sealed server: it says what it waits for, and takes shares of the root key. Nothing else is answered.

Nobody can be told apart yet, as the access keys are sealed too: holding a share is the authority to give it. A text
that is none of the shares is refused before it is looked into and changes nothing, and an address that brings too many
of them has to wait.

It runs in the supervisor's own process, before there are others, so that the root key has nowhere to travel.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Final

import orjson
import uvicorn
import uvloop

from strongroom.errors import AwsError, OperatorError, StrongroomError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import Means, SealDocument, open_seal
from strongroom.server.folder import DataFolder
from strongroom.server.listening import endpoint_of, listen, require_certificate, write_running
from strongroom.server.serving import Server
from strongroom.server.settings import Settings
from strongroom.server.waiting import Answer, Waiting
from strongroom.wire import HttpRequest, HttpResponse, error_response, protocol_of
from strongroom.world import Entropy, World

__all__ = ["SEALED", "Interrupted", "SealedDoor"]

SEALED: Final = "sealed"
"""What ``/health/ready`` says as the status of a sealed server."""

_LOG: Final = logging.getLogger("strongroom.seal")
_RETRY_SECONDS: Final = 5.0
_LARGEST_BODY: Final = 4096
_MOST_CONNECTIONS: Final = 64
_KEEP_ALIVE_SECONDS: Final = 5
_GRACE_SECONDS: Final = 5

_SEALED: Final = AwsError("ServiceUnavailableException", "The root key of this Strongroom is sealed.", status=503)
"""The code is that of AWS's "Common errors" for a service that is not there for a while, which clients try again."""

Message = dict[str, Any]


class Interrupted(StrongroomError):
    """The server was told to stop while it was still sealed."""


class SealedDoor:
    """Waits for the root key of one installation.

    Args:
        settings: Where to listen.
        folder: The data folder.
        world: The clock that counts how often an address may be wrong, and ids for refused requests.
        announce: Told the endpoint, and what is waited for, once the door is open.

    Attributes:
        listener: The listening socket, once there is one. It stays open for the server.
    """

    def __init__(
        self, settings: Settings, folder: DataFolder, world: World, announce: Callable[[str, list[str]], None]
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._world = world
        self._announce = announce
        self.listener: socket.socket | None = None

    def wait(self, document: SealDocument, means: Means) -> RootKey:
        """Serve until the root key is open.

        Args:
            document: The seals.
            means: What was at hand when they did not open.

        Raises:
            Interrupted: A signal said to stop.
            OperatorError: The address cannot be used, or the document was changed.
        """
        require_certificate(self._settings)
        self.listener = listen(self._settings)
        write_running(self._folder.running, self._settings, self.listener)
        waiting = Waiting(document, self._world.clock)
        self._announce(endpoint_of(self._settings, self.listener), waiting.problems())
        _LOG.warning("sealed: %s", "; ".join(waiting.problems()))
        with ExitStack() as unless_opened:
            unless_opened.callback(self._folder.running.unlink, missing_ok=True)
            root_key = uvloop.run(self._serve(waiting, document, means, self.listener.dup()))
            unless_opened.pop_all()
            return root_key

    async def _serve(self, waiting: Waiting, document: SealDocument, means: Means, listener: socket.socket) -> RootKey:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        config = uvicorn.Config(
            _Application(waiting, self._world.entropy),
            http="httptools",
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_certfile=self._settings.tls_cert,
            ssl_keyfile=self._settings.tls_key,
        )
        server = Server(config, lambda: None)
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(server.serve(sockets=[listener])),
            asyncio.create_task(stopping.wait()),
            asyncio.create_task(_try_again(waiting, document, means)),
            asyncio.create_task(waiting.opened.wait()),
        ]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await tasks[0]
        for task in others:
            task.cancel()
        for task in done:
            task.result()  # a failure of one of them is this one's
        if waiting.failure is not None:
            raise waiting.failure
        if waiting.root_key is None:
            raise Interrupted("the server was stopped while it was sealed")
        document.require_made_with(waiting.root_key)
        return waiting.root_key


class _Application:
    """The pages of a sealed server, on ASGI."""

    def __init__(self, waiting: Waiting, entropy: Entropy) -> None:
        self._waiting = waiting
        self._entropy = entropy

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while len(body) <= _LARGEST_BODY:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        client = scope["client"]
        request = HttpRequest(
            method=scope["method"],
            raw_path=scope["raw_path"],
            query_string=scope["query_string"],
            headers=tuple(scope["headers"]),
            body=body,
            client_address=client[0] if client else "",
        )
        response = self._respond(request, scope["path"])
        headers = [*response.headers, (b"connection", b"close")]  # the next request is for the opened server
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def _respond(self, request: HttpRequest, path: str) -> HttpResponse:
        answer = self._page(request.method, path, request.body, request.client_address)
        if answer is None:  # a request for AWS, refused in its caller's protocol
            return error_response(protocol_of(request), _SEALED, self._entropy.uuid())
        status, document = answer
        content = orjson.dumps(document)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        return HttpResponse(status, headers, content)

    def _page(self, method: str, path: str, body: bytes, address: str) -> Answer | None:
        waiting = self._waiting
        if path == "/health/live":
            return 200, {"status": "live"}
        if path == "/health/ready":
            return 503, {"status": SEALED, "problems": waiting.problems(), "warnings": []}
        if path != "/unseal":
            return None
        if method == "GET":
            return 200, {"sealed": True, "needed": waiting.needed}
        if method != "POST":
            return 405, {"problem": "Give a share with POST."}
        share = _share(body)
        if share is None:
            return 400, {"problem": 'The body is not {"share": "..."}.'}
        return waiting.give(share, address)


def _share(body: bytes) -> str | None:
    if len(body) > _LARGEST_BODY:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    share = document.get("share") if isinstance(document, dict) else None
    return share if isinstance(share, str) else None


async def _try_again(waiting: Waiting, document: SealDocument, means: Means) -> None:
    """Ask another KMS again and again: it may start later than this host. Never ends by itself unless it opened.

    A token is not asked again: a wrong PIN, repeated, locks it.
    """
    entries = [entry for entry in document.seals if entry.kind == "kms"]
    while True:
        await asyncio.sleep(_RETRY_SECONDS)
        for entry in entries:
            try:
                root_key = await asyncio.to_thread(open_seal, entry, means)
            except OperatorError:  # it was logged when the server started
                continue
            if root_key is not None:
                waiting.accept(root_key)
                return
