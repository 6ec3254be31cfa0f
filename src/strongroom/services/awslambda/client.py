"""Lambda, for services that call functions on somebody's behalf."""

from __future__ import annotations

from strongroom.errors import AccessDenied
from strongroom.identity.caller import service_caller
from strongroom.policy import AuthorizationRequest, Decision, denied_message, evaluate
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import INVOKE, authorized_function, compiled_policy
from strongroom.services.awslambda.names import FunctionReference, parse_function_arn
from strongroom.services.awslambda.targets import Target, chosen_version, find_target
from strongroom.services.call import Call
from strongroom.services.clients import FunctionInvoker, InvocationRequest, InvocationResult
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["LambdaServiceClient"]


class LambdaServiceClient:
    """The implementation of `strongroom.services.clients.LambdaClient`.

    Args:
        store: Where functions and their policies are.
        world: Entropy for the ids of invocations.
        invoker: Runs functions.
    """

    def __init__(self, store: Store, world: World, invoker: FunctionInvoker) -> None:
        self._store = store
        self._entropy = world.entropy
        self._invoker = invoker

    def authorize_invoke(self, transaction: Transaction, call: Call, function_arn: str) -> None:
        """Check that the call's caller may invoke the function (``lambda:InvokeFunction``).

        Args:
            transaction: Where the function is.
            call: The call.
            function_arn: The function, in the call's region.

        Raises:
            AccessDenied: The caller may not, whether there is such a function or not.
            AwsError: ``ResourceNotFoundException``.
        """
        reference = _reference(function_arn)
        if reference.region != call.region:
            raise failures.other_region(reference.region, call.region)
        authorized_function(transaction, call, reference, INVOKE)

    def admits_service(
        self, transaction: Transaction, function_arn: str, service: str, *, source_arn: str, source_account: str
    ) -> bool:
        """Whether the function exists and its policy lets ``service`` invoke it on behalf of ``source_arn``."""
        reference = parse_function_arn(function_arn)
        if reference is None:
            return False
        target = find_target(transaction, reference)
        return target is not None and _refusal(target, reference, service, source_arn, source_account) is None

    async def invoke_as_service(
        self, function_arn: str, payload: bytes, *, service: str, source_arn: str, source_account: str
    ) -> InvocationResult:
        """Invoke as a service, after checking the function's policy again.

        Args:
            function_arn: The function.
            payload: The event, JSON.
            service: The service principal.
            source_arn: The resource on whose behalf it acts.
            source_account: The account that owns that resource.

        Raises:
            AccessDenied: The function's policy does not let the service in.
            AwsError: ``ResourceNotFoundException``, or what `FunctionInvoker.invoke` raises.
        """
        reference = _reference(function_arn)
        target = await self._store.read(lambda transaction: find_target(transaction, reference))
        if target is None:
            raise failures.function_not_found(reference.qualified_arn)
        refusal = _refusal(target, reference, service, source_arn, source_account)
        if refusal is not None:
            raise AccessDenied(refusal)
        return await self._invoker.invoke(
            InvocationRequest(
                account=reference.account,
                region=reference.region,
                function_arn=reference.arn,
                request_id=self._entropy.uuid(),
                payload=payload,
                version=chosen_version(target, self._entropy),
                qualifier=reference.qualifier,
            )
        )


def _reference(function_arn: str) -> FunctionReference:
    reference = parse_function_arn(function_arn)
    if reference is None:
        raise failures.function_not_found(function_arn)
    return reference


def _refusal(
    target: Target, reference: FunctionReference, service: str, source_arn: str, source_account: str
) -> str | None:
    """AWS's text when the function's policy does not let the service in; None when it does."""
    request, decision = _decide(target, reference, service, source_arn, source_account)
    return None if decision.allowed else denied_message(request, decision)


def _decide(
    target: Target, reference: FunctionReference, service: str, source_arn: str, source_account: str
) -> tuple[AuthorizationRequest, Decision]:
    caller = service_caller(service, source_account, source_arn=source_arn)
    request = AuthorizationRequest(
        principal=caller.facts,
        action=INVOKE,
        resource=reference.qualified_arn,
        resource_account=reference.account,
        context=caller.context,
    )
    return request, evaluate(request, caller.policies, compiled_policy(target.policy, reference.qualified_arn))
