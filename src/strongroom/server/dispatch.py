"""The path of one request, read from top to bottom.

    route         which service and operation
    authenticate  who is calling, under the newest epoch of policies and keys
    parse         which parameters
    operate       the service's method, which asks for a decision and acts
    record        the audit event, unless the operation's transaction carried it
    serialise     the answer, or the error in the caller's protocol

An answer leaves only after a policy decision was asked for and its record is durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from strongroom.audit import AuditUnavailable, RepeatedEvent, api_event, operation
from strongroom.backup.hold import advice
from strongroom.errors import AwsError, OperatorError
from strongroom.identity.caller import NOBODY
from strongroom.identity.last_used import LastUses
from strongroom.identity.sigv4 import SignedRequest, check_scope, parse_authorization
from strongroom.server.composition import House, Method
from strongroom.server.log import describe_failure
from strongroom.server.repeats import PresentVersion, Repeat, Repeats, sameness
from strongroom.server.trail_health import sink_troubles
from strongroom.services.call import Call, StaleAuthorization, UndecidedCall
from strongroom.services.throttling import throttled
from strongroom.wire import HttpRequest, HttpResponse, Route, error_response, protocol_of

__all__ = ["Dispatcher"]

_LOG: Final = logging.getLogger("strongroom.requests")
_ATTEMPTS: Final = 8
_UNSIGNED: Final = "MissingAuthenticationTokenException"
_PATIENCE_SECONDS: Final = 3.0
"""How long a health page waits for the store: whoever asks for it waits only seconds, too."""
_GLOBAL_SERVICES: Final = frozenset({"cloudtrail", "iam", "organizations", "sts"})  # the first tells of the others
_GLOBAL_REGION: Final = "us-east-1"


class Dispatcher:
    """Answers AWS requests.

    Args:
        house: Everything the request path is made of.

    Attributes:
        last_uses: When keys and roles were used; takes its turns beside the requests.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self.last_uses = LastUses(house.store)
        self._limits = house.limits
        self._uuid = house.world.entropy.uuid
        self._milliseconds = house.world.clock.milliseconds
        self._repeats = Repeats()
        self._version = PresentVersion(house.store)
        self._regions = house.settings.regions
        self._global_regions = house.settings.regions | {_GLOBAL_REGION}

    def answer_again(self, request: HttpRequest, *, secure: bool, respond: Callable[[HttpResponse], None]) -> bool:
        """Answer a request that repeats one of this second, without waiting (see `strongroom.server.repeats`).

        Args:
            request: A POST to ``/`` that arrived whole.
            secure: Whether it came over TLS.
            respond: Is called once, when the answer may leave.

        Returns:
            Whether the request is taken care of. Otherwise nothing has happened, and `handle` is to be called.
        """
        repeats = self._repeats
        if not repeats.may_know(request.body):
            return False
        house = self._house
        now_ms = self._milliseconds()
        try:
            signed = parse_authorization(request)
            repeat = repeats.find(sameness(request, signed, secure=secure), now_ms // 1000, self._version())
            if repeat is None or house.authenticator.recognise(request, signed, now_ms) is not repeat.caller:
                return False
            limit = repeat.limit
            if limit is not None and not limit.admits(repeat.caller.account, signed.region, now_ms):
                return False
            request_id = self._uuid()
            response = repeat.answer.fill(repeat.make(), request_id)
            event = repeat.event.again(request_id, self._uuid())
            house.trail.append_then(
                event,
                lambda error: respond(response if error is None else self._unrecorded(request, error, request_id)),
            )
        except (AwsError, OperatorError):  # whatever is wrong, the long way says it
            return False
        return True

    def _unrecorded(self, request: HttpRequest, error: AuditUnavailable, request_id: str) -> HttpResponse:
        route = self._house.router.route(request, None)
        _log_failure(route, error, request_id)
        return _refuse(request, route, _internal_error(route), request_id)

    def forget_past(self) -> None:
        """Let go of what answered requests of a second that is over: it holds ciphers of values."""
        self._repeats.forget_past(self._milliseconds() // 1000)

    async def problems(self) -> list[str]:
        """What keeps this worker from serving, in plain words."""
        found = []
        trail = self._house.trail.health()
        if trail is not None:
            found.append(trail)
        found += await sink_troubles(self._house.sinks, required=True)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._house.store.epoch()
        except TimeoutError:
            found.append(f"The store has not answered for {_PATIENCE_SECONDS:g} seconds.")
        except OperatorError as error:
            found.append(error.what)
        return found

    async def warnings(self) -> list[str]:
        """What needs an operator but keeps nobody from being served. The page is open to all, so no secret is named."""
        try:
            failing = await self._house.store.read(self._house.rotations.count_failing, single=True)
            adrift = await self._house.store.read(self._house.database_checks.count_problems, single=True)
            restored = await self._house.store.read(advice)
        except OperatorError:
            return []  # `problems` tells of the store
        found = [] if restored is None else [restored]
        found += await sink_troubles(self._house.sinks, required=False)
        if failing:
            what = "1 rotation keeps" if failing == 1 else f"{failing} rotations keep"
            found.append(f"{what} failing: see `strongroom rotation list --failing`")
        if adrift:
            what = "1 master credential does" if adrift == 1 else f"{adrift} master credentials do"
            found.append(f"{what} not log in: see `strongroom rds check`")
        return found

    async def handle(self, request: HttpRequest, *, secure: bool) -> HttpResponse:
        """Answer one request; whatever goes wrong becomes an error in the caller's protocol."""
        request_id = self._uuid()
        route: Route | None = None
        try:
            try:
                signed = parse_authorization(request)
            except AwsError as error:
                route = self._unsigned_route(request, error)
                return await self._operate_unsigned(request, route, request_id, secure=secure)
            route = self._house.router.route(request, signed.service)
            self._require_scope(route, signed)
            return await self._operate(request, route, signed, request_id, secure=secure)
        except AwsError as error:
            return _refuse(request, route, error, request_id)
        except Exception as error:  # noqa: BLE001 - the request boundary: nothing else may reach the client
            _log_failure(route, error, request_id)
            return _refuse(request, route, _internal_error(route), request_id)

    def _require_scope(self, route: Route, signed: SignedRequest) -> None:
        """The signature must have been made for this service, in a region of this installation.

        A signature made for one service cannot be replayed on another, and a region that nobody set up is a mistake
        to point out rather than an empty world to look into.
        """
        service = route.service
        regions = self._global_regions if service.name in _GLOBAL_SERVICES else self._regions
        check_scope(signed, service=service.signing_name, regions=regions)

    async def _operate(
        self, request: HttpRequest, route: Route, signed: SignedRequest, request_id: str, *, secure: bool
    ) -> HttpResponse:
        house = self._house
        now_ms = self._milliseconds()
        user_agent = signed.headers.get(b"user-agent", b"").decode("latin-1")
        for _ in range(_ATTEMPTS):
            epoch = await house.store.epoch()
            version = house.store.seen()
            caller = await house.authenticator.authenticate(request, signed, epoch, now_ms)
            self.last_uses.note(caller, route.service.signing_name, signed.region, now_ms)
            call = Call(
                service=route.service.name,
                operation=route.operation,
                caller=caller,
                region=signed.region,
                request_id=request_id,
                now_ms=now_ms,
                source_ip=request.client_address,
                user_agent=user_agent,
                secure_transport=secure,
                parameters=_NO_PARAMETERS,
                epoch=epoch,
                store=house.store,
                describe=self._describe,
            )
            try:
                return await self._answer(request, route, signed, call, version)
            except StaleAuthorization:
                continue
        raise AwsError(
            "ThrottlingException", "Access rules are changing faster than this request can be decided. Try again."
        )

    def _unsigned_route(self, request: HttpRequest, refusal: AwsError) -> Route:
        """Where a request without a signature goes, if its operation takes none.

        Args:
            request: The request.
            refusal: Why it is no signed one.

        Raises:
            AwsError: The refusal: it is badly signed, or its operation wants a signature.
        """
        if refusal.code != _UNSIGNED:
            raise refusal
        try:
            route = self._house.router.route(request, None)
        except AwsError:
            raise refusal from None
        if not route.spec.unsigned:
            raise refusal
        return route

    async def _operate_unsigned(
        self, request: HttpRequest, route: Route, request_id: str, *, secure: bool
    ) -> HttpResponse:
        """Answer a request whose operation finds out by itself who calls; until then it is nobody."""
        house = self._house
        call = Call(
            service=route.service.name,
            operation=route.operation,
            caller=NOBODY,
            region=house.settings.region,
            request_id=request_id,
            now_ms=self._milliseconds(),
            source_ip=request.client_address,
            user_agent=request.header(b"user-agent") or "",
            secure_transport=secure,
            parameters=_NO_PARAMETERS,
            epoch=await house.store.epoch(),
            store=house.store,
            describe=self._describe,
        )
        return await self._answer(request, route, None, call, None)

    async def _answer(
        self, request: HttpRequest, route: Route, signed: SignedRequest | None, call: Call, version: int | None
    ) -> HttpResponse:
        spec = route.spec
        try:
            limit = self._limits.get((route.service.name, route.operation))
            if limit is not None and not limit.admits(call.caller.account, call.region, call.now_ms):
                raise throttled()
            parameters = spec.parse(request, route)
            call.parameters = parameters
            method = self._method(route)
            answer = await method(call, **parameters)
            if not call.progress.decided:
                raise UndecidedCall(f"{call.service}:{call.operation}")
            if not call.progress.recorded:
                event_id = self._uuid()
                event = self._describe(call, answer, event_id=event_id)
                again = call.progress.again
                if again is not None and signed is not None:
                    same = sameness(request, signed, secure=call.secure_transport)
                    if self._repeats.is_worth_keeping(same, call.now_ms // 1000, version):
                        repeated = RepeatedEvent(event, call.request_id, event_id)
                        refill = spec.refill(answer, again.members)
                        self._repeats.keep(same, Repeat(call.caller, limit, again.make, repeated, refill))
                await self._house.trail.append(event)
            if call.progress.parts:
                await self._record_parts(call)
            return spec.serialise(answer, call.request_id)
        except AwsError as error:
            if call.caller is not NOBODY:  # who was refused before it was known is not recorded, as with signatures
                await self._house.trail.append(self._describe(call, None, error))
            raise

    async def _record_parts(self, call: Call) -> None:
        """Record the calls that a call was made of, with one sync for all of them."""
        append, describe = self._house.trail.append, self._describe
        await asyncio.gather(*(append(describe(part, None, error)) for part, error in call.progress.parts))

    def _method(self, route: Route) -> Method:
        method = self._house.methods.get((route.service.name, route.operation))
        if method is None:
            raise AwsError(
                "UnsupportedOperationException",
                f"Strongroom does not offer {route.service.name}:{route.operation} yet.",
            )
        return method

    def _describe(
        self,
        call: Call,
        answer: Mapping[str, object] | None,
        error: AwsError | None = None,
        *,
        event_id: str | None = None,
    ) -> bytes:
        """The audit event of one call."""
        recorded = operation(call.service, call.operation)
        progress = call.progress
        return api_event(
            user_identity=call.caller.audit,
            time=call.now_ms,
            source=recorded.source,
            name=recorded.name,
            region=call.region,
            source_ip=call.source_ip,
            user_agent=call.user_agent,
            request_parameters=recorded.parameters(call.parameters),
            response_elements=recorded.response(answer) if recorded.answers and error is None else None,
            request_id=call.request_id,
            event_id=event_id or self._uuid(),
            read_only=recorded.read_only,
            recipient_account=call.account,
            resources=progress.resources,
            error_code=error.code if error else None,
            error_message=error.message if error else None,
            additional_data=progress.additional or None,
        )


_NO_PARAMETERS: Final[Mapping[str, object]] = {}


def _internal_error(route: Route | None) -> AwsError:
    if route is not None:
        return route.service.internal_error()
    return AwsError("InternalFailure", "An internal error occurred.", status=500)


def _log_failure(route: Route | None, error: Exception, request_id: str) -> None:
    _LOG.error(
        "a request failed: %s",
        f"{route.service.name}:{route.operation}" if route else "before its operation was known",
        extra={"request_id": request_id, "detail": describe_failure(error)},
    )


def _refuse(request: HttpRequest, route: Route | None, error: AwsError, request_id: str) -> HttpResponse:
    if route is not None:
        return route.spec.serialise_error(error, request_id)
    return error_response(protocol_of(request), error, request_id)
