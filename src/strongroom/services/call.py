"""One call of one operation: who, where, when, and the two questions every operation asks.

`Call.authorize` asks the policy engine, with the resource in hand. `Call.read` and `Call.write` open the transaction in
which the operation acts; a write carries its audit record, so that what is committed is recorded and what cannot be
recorded is not committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar, overload

from strongroom.errors import AccessDenied, AwsError, StrongroomError
from strongroom.identity.caller import Caller
from strongroom.identity.organization import Organization
from strongroom.policy import AuthorizationRequest, Decision, Policy, Reason, denied_message, evaluate
from strongroom.store import Store, Transaction

__all__ = ["Again", "Call", "CallProgress", "StaleAuthorization", "UndecidedCall"]

T = TypeVar("T")
Default = TypeVar("Default")
Values = str | tuple[str, ...]
Context = Mapping[str, Values]

_NO_CONTEXT: Final[Context] = {}
_CLOSED: Final = Decision(False, Reason.IMPLICIT_DENY_RESOURCE)
"""What a closed account answers to others, whatever its policies say."""


class StaleAuthorization(StrongroomError):
    """A policy, key or credential changed while this call was under way: the request starts over."""


class UndecidedCall(StrongroomError):
    """An operation wanted to answer without having asked for a policy decision. A bug; nothing is answered."""


class Again(NamedTuple):
    """Said by an operation that would answer the same request the same way again, but for some members.

    Attributes:
        members: Members that are made for each answer and never kept: what a ciphertext holds, or random bytes.
        make: Makes them.
    """

    members: tuple[str, ...]
    make: Callable[[], Mapping[str, str | bytes]]


@dataclass(slots=True)
class CallProgress:
    """What has happened in a call so far. Shared by the call and everything it forwards.

    Attributes:
        again: Set by an operation whose answer may be given again (see `Again`).
        parts: The calls that one call was made of (see `Call.part`), each with the error it ended in.
    """

    decided: bool = False
    recorded: bool = False
    resources: list[Mapping[str, str]] = field(default_factory=list)
    additional: dict[str, object] = field(default_factory=dict)
    again: Again | None = None
    parts: Sequence[tuple[Call, AwsError | None]] = ()


@dataclass(slots=True)
class Call:
    """One call of one operation. Not frozen, because making a frozen one takes three times as long; nobody changes it.

    Args:
        service: The service's name as boto3 has it, such as ``secretsmanager``.
        operation: The operation's name in the model, such as ``GetSecretValue``.
        caller: The authenticated principal.
        region: The region that the request was signed for.
        request_id: The id the answer carries.
        now_ms: The instant of the call; operations use it as the only "now".
        source_ip: The client's address.
        user_agent: The client's description of itself.
        secure_transport: Whether the request came over TLS.
        parameters: The request's parameters, for the audit record's allow-list.
        epoch: The epoch under which the caller was authenticated.
        store: The store in which the operation acts.
        describe: Builds the audit event of this call from its result.
        via: The service principals through which the call came, outermost first (forward access session).
    """

    service: str
    operation: str
    caller: Caller
    region: str
    request_id: str
    now_ms: int
    source_ip: str
    user_agent: str
    secure_transport: bool
    parameters: Mapping[str, object]
    epoch: int
    store: Store
    describe: Callable[[Call, Mapping[str, object] | None], bytes]
    via: tuple[str, ...] = ()
    progress: CallProgress = field(default_factory=CallProgress)

    @property
    def account(self) -> str:
        """The account the call acts in: the caller's."""
        return self.caller.account

    def needs_no_permission(self) -> None:
        """Say that AWS lets everybody who is authenticated do this: the decision is taken, and it is yes."""
        self.progress.decided = True

    def forward(self, service_principal: str) -> Call:
        """This call, continued by a service on the caller's behalf (AWS: a forward access session).

        Args:
            service_principal: The service that continues it, such as ``secretsmanager.amazonaws.com``.
        """
        return Call(
            self.service,
            self.operation,
            self.caller,
            self.region,
            self.request_id,
            self.now_ms,
            self.source_ip,
            self.user_agent,
            self.secure_transport,
            self.parameters,
            self.epoch,
            self.store,
            self.describe,
            (*self.via, service_principal),
            self.progress,
        )

    def part(self, operation: str, parameters: Mapping[str, object]) -> Call:
        """One of several calls that this one is made of, recorded as a call of its own: see `CallProgress.parts`.

        Args:
            operation: Its operation, of the same service.
            parameters: What a call of that operation would carry.
        """
        return replace(self, operation=operation, parameters=parameters, progress=CallProgress())

    def authorize(
        self,
        action: str,
        resource: str,
        *,
        resource_account: str | None = None,
        policy: Policy | None = None,
        key_policy: bool = False,
        context: Context | Callable[[], Context] = _NO_CONTEXT,
    ) -> None:
        """Ask whether the caller may do ``action`` on ``resource``; return only if so.

        Args:
            action: Such as ``secretsmanager:GetSecretValue``.
            resource: The resource's ARN, or ``*`` for an action that has none.
            resource_account: The account that owns the resource; the caller's by default.
            policy: The resource's own policy, compiled.
            key_policy: Whether ``policy`` is a KMS key policy, which decides alone unless it delegates to IAM.
            context: Condition keys of this request, lower-cased, besides the global ones; or a function that gathers
                them, which is called when a policy has a condition to test.

        Raises:
            AccessDenied: With AWS's text, naming principal, action, resource and the policy type that decided.
        """
        request, decision = self._decide(action, resource, resource_account, policy, key_policy, context)
        if not decision.allowed:
            raise AccessDenied(denied_message(request, decision))

    def allows(
        self,
        action: str,
        resource: str,
        *,
        resource_account: str | None = None,
        policy: Policy | None = None,
        key_policy: bool = False,
        context: Context | Callable[[], Context] = _NO_CONTEXT,
    ) -> bool:
        """`authorize` as a question, for lists that leave out what the caller may not see."""
        return self._decide(action, resource, resource_account, policy, key_policy, context)[1].allowed

    def forbids(
        self, action: str, resource: str, *, resource_account: str, policy: Policy, context: Callable[[], Context]
    ) -> bool:
        """Whether a Deny of any policy stands against the caller, whatever may allow it.

        For a service that acts on a right which a caller has shown before. The arguments are those of `authorize`, for
        a key policy.
        """
        _, decision = self._decide(action, resource, resource_account, policy, True, context)
        return decision.reason.is_explicit

    def _decide(
        self,
        action: str,
        resource: str,
        resource_account: str | None,
        policy: Policy | None,
        key_policy: bool,
        context: Context | Callable[[], Context],
    ) -> tuple[AuthorizationRequest, Decision]:
        caller = self.caller
        owner = resource_account or caller.account
        request = AuthorizationRequest(
            principal=caller.facts,
            action=action,
            resource=resource,
            resource_account=owner,
            context=_RequestContext(self, context, owner),
        )
        decision = evaluate(request, caller.policies, policy, delegates_to_identity=not key_policy)
        organization = caller.organization
        if organization is not None and owner in organization.closed:
            decision = _CLOSED
        self.progress.decided = True
        return request, decision

    def read(self, work: Callable[[Transaction], T], *, single: bool = False) -> Coroutine[None, None, T]:
        """Run ``work`` on one consistent view (see `Store.read`)."""
        return self.store.read(work, single=single)

    async def write(self, work: Callable[[Transaction], Mapping[str, object]]) -> Mapping[str, object]:
        """Run the operation's work in one durable transaction that carries its audit record.

        Args:
            work: Does everything, including `authorize`, and returns the operation's answer. It may run more than
                once.

        Raises:
            StaleAuthorization: What the caller may do has changed since it was authenticated.
            UndecidedCall: ``work`` never asked for a decision.
        """

        def recorded(transaction: Transaction) -> Mapping[str, object]:
            if transaction.epoch() != self.epoch:
                raise StaleAuthorization
            self.progress.resources.clear()
            answer = work(transaction)
            if not self.progress.decided:
                raise UndecidedCall(f"{self.service}:{self.operation}")
            transaction.record(self.describe(self, answer))
            return answer

        answer = await self.store.write(recorded)
        self.progress.recorded = True
        return answer

    def touches(self, arn: str, kind: str, account: str) -> None:
        """Name a resource in the audit record.

        Args:
            arn: The resource's ARN.
            kind: Its CloudFormation type, such as ``AWS::SecretsManager::Secret``.
            account: The account that owns it.
        """
        self.progress.resources.append({"accountId": account, "type": kind, "ARN": arn})


@lru_cache(maxsize=8)
def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


_GLOBAL_KEYS: Final[Mapping[str, Callable[[Call], Values | None]]] = {
    "aws:sourceip": lambda call: call.source_ip,
    "aws:useragent": lambda call: call.user_agent,
    "aws:securetransport": lambda call: "true" if call.secure_transport else "false",
    "aws:requestedregion": lambda call: call.region,
    "aws:currenttime": lambda call: _iso(call.now_ms // 1000),
    "aws:epochtime": lambda call: str(call.now_ms // 1000),
    "aws:viaawsservice": lambda call: "true" if call.via else "false",
    "aws:calledvia": lambda call: call.via or None,
    "aws:calledviafirst": lambda call: call.via[0] if call.via else None,
    "aws:calledvialast": lambda call: call.via[-1] if call.via else None,
    "kms:viaservice": lambda call: call.via[-1].replace(".", f".{call.region}.", 1) if call.via else None,
}
"""AWS's global condition keys that describe the request ("AWS global condition context keys"); None: not there."""


def _organization_of(organization: Organization | None, owner: str) -> str | None:
    return None if organization is None or organization.path(owner) is None else organization.id


def _place_of(organization: Organization | None, owner: str) -> tuple[str] | None:
    path = None if organization is None else organization.path(owner)
    return None if path is None else (path,)


_RESOURCE_KEYS: Final[Mapping[str, Callable[[Organization | None, str], Values | None]]] = {
    "aws:resourceaccount": lambda _, owner: owner,
    "aws:resourceorgid": _organization_of,
    "aws:resourceorgpaths": _place_of,
}
"""AWS's global condition keys of the account that owns the resource; None: not there."""


class _RequestContext(Context):
    """The condition keys of one question: the operation's, the global, the caller's and the resource's, in this order.

    Nothing is gathered beforehand: a policy looks at few keys, most look at none, and gathering them all takes longer
    than deciding.
    """

    __slots__ = ("_call", "_given", "_owner")

    def __init__(self, call: Call, given: Context | Callable[[], Context], owner: str) -> None:
        self._call = call
        self._given = given
        self._owner = owner

    @overload
    def get(self, key: str, /) -> Values | None: ...
    @overload
    def get(self, key: str, /, default: Values | Default) -> Values | Default: ...
    def get(self, key: str, /, default: Values | Default | None = None) -> Values | Default | None:
        value = self._operations_own().get(key)
        if value is None:
            call = self._call
            of_request = _GLOBAL_KEYS.get(key)
            value = call.caller.context.get(key) if of_request is None else of_request(call)
            if value is None and (of_resource := _RESOURCE_KEYS.get(key)) is not None:
                value = of_resource(call.caller.organization, self._owner)
        return default if value is None else value

    def _operations_own(self) -> Context:
        given = self._given
        if callable(given):
            given = self._given = given()
        return given

    def __getitem__(self, key: str) -> Values:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        names = (*self._operations_own(), *_GLOBAL_KEYS, *self._call.caller.context, *_RESOURCE_KEYS)
        return (name for name in dict.fromkeys(names) if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
