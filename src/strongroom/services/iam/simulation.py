"""The policy simulator: SimulatePrincipalPolicy, SimulateCustomPolicy, and which condition keys policies ask about.

Nothing is done and no other policy of the installation is asked: a simulation decides on the policies that it is
given, or that a user, group or role has, by the same engine that decides on requests. Condition keys of the principal
itself, such as ``aws:username`` and its tags, are known and need not be given; ``ContextEntries`` take their place.

Sources: IAM API Reference; IAM User Guide, "IAM policy testing with the IAM policy simulator".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.identity.directory import Group
from strongroom.identity.hypothetical import hypothetical_caller
from strongroom.identity.organization import load_organization
from strongroom.policy import required_keys
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.services.iam.problems import validation_error
from strongroom.services.iam.simulation_request import Asked, authorized_owner, principal_of
from strongroom.services.iam.simulation_results import Simulation
from strongroom.services.iam.simulation_sources import Exclusions, Sources, given_sources, owner_sources
from strongroom.store import Transaction

__all__ = ["SimulationOperations"]

_EVALUATIONS_OF_PAGE: Final = 1000
"""How many pairs of action and resource one answer evaluates at most; further actions are on the next page."""

Entries = Sequence[Mapping[str, object]]


class SimulationOperations(Operations):
    """SimulateCustomPolicy, SimulatePrincipalPolicy and the two GetContextKeysFor..."""

    async def simulate_custom_policy(
        self,
        call: Call,
        *,
        PolicyInputList: list[str],
        ActionNames: list[str],
        PermissionsBoundaryPolicyInputList: Sequence[str] = (),
        OrderedOrganizationPolicyInputList: Entries = (),
        ResourceArns: Sequence[str] = (),
        ResourcePolicy: str | None = None,
        ResourceOwner: str | None = None,
        CallerArn: str | None = None,
        ContextEntries: Entries = (),
        ResourceHandlingOption: str | None = None,
        MaxItems: int | None = None,
        Marker: str | None = None,
    ) -> dict[str, object]:
        """Decide on actions by the policies of the request alone.

        Raises:
            AwsError: Access denied, ``InvalidInput`` for a parameter that makes no sense, ``ValidationError`` for a
                marker that is none of ours.
        """
        call.authorize("iam:SimulateCustomPolicy", "*")
        asked = Asked.of(ActionNames, ResourceArns, ResourceOwner, CallerArn, ContextEntries, ResourceHandlingOption)
        asked.require_caller(ResourcePolicy)
        sources = given_sources(PolicyInputList, PermissionsBoundaryPolicyInputList, OrderedOrganizationPolicyInputList)
        facts = principal_of(asked.caller_arn, call.account)
        simulation = Simulation(
            facts, sources, asked.resources, ResourcePolicy, asked.owner or facts.account, asked.context
        )
        return await _evaluated(simulation, asked.actions, Marker, MaxItems)

    async def simulate_principal_policy(
        self,
        call: Call,
        *,
        PolicySourceArn: str,
        ActionNames: list[str],
        PolicyInputList: Sequence[str] = (),
        PermissionsBoundaryPolicyInputList: Sequence[str] = (),
        PolicyExclusionList: Entries = (),
        ResourceArns: Sequence[str] = (),
        ResourcePolicy: str | None = None,
        ResourceOwner: str | None = None,
        CallerArn: str | None = None,
        ContextEntries: Entries = (),
        ResourceHandlingOption: str | None = None,
        MaxItems: int | None = None,
        Marker: str | None = None,
    ) -> dict[str, object]:
        """Decide on actions by the policies of a user, group or role, and those of the request.

        Raises:
            AwsError: As in `simulate_custom_policy`, or ``NoSuchEntity``.
        """

        def work(transaction: Transaction) -> tuple[Simulation, tuple[str, ...]]:
            owner = authorized_owner(transaction, call, PolicySourceArn)
            asked = Asked.of(
                ActionNames, ResourceArns, ResourceOwner, CallerArn, ContextEntries, ResourceHandlingOption
            )
            organization = load_organization(transaction)
            facts = principal_of(asked.caller_arn, call.account)
            context = dict(asked.context)
            if not isinstance(owner, Group):
                principal = hypothetical_caller(transaction, owner, call.now_ms, organization=organization)
                context = {**principal.context, **context}
                if asked.caller_arn is None:
                    facts = principal.facts
            if facts.kind != "user" or isinstance(owner, Group):
                asked.require_caller(ResourcePolicy)
            own = owner_sources(transaction, owner, organization, Exclusions.of(PolicyExclusionList))
            sources = own.with_given(given_sources(PolicyInputList, PermissionsBoundaryPolicyInputList, ()))
            simulation = Simulation(
                facts, sources, asked.resources, ResourcePolicy, asked.owner or facts.account, context
            )
            return simulation, asked.actions

        simulation, actions = await call.read(work)
        return await _evaluated(simulation, actions, Marker, MaxItems)

    async def get_context_keys_for_custom_policy(self, call: Call, *, PolicyInputList: list[str]) -> dict[str, object]:
        """The condition keys that policies of the request ask about.

        Raises:
            AwsError: Access denied, or ``InvalidInput``: one of them is no policy.
        """
        call.authorize("iam:GetContextKeysForCustomPolicy", "*")
        return _keys(given_sources(PolicyInputList, (), ()))

    async def get_context_keys_for_principal_policy(
        self, call: Call, *, PolicySourceArn: str, PolicyInputList: Sequence[str] = ()
    ) -> dict[str, object]:
        """The condition keys that the policies of a user, group or role, and those of the request, ask about.

        Raises:
            AwsError: Access denied, ``NoSuchEntity``, or ``InvalidInput``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            owner = authorized_owner(transaction, call, PolicySourceArn)
            own = owner_sources(transaction, owner, load_organization(transaction), Exclusions())
            return _keys(own.with_given(given_sources(PolicyInputList, (), ())))

        return await call.read(work)


def _keys(sources: Sources) -> dict[str, object]:
    return {"ContextKeyNames": required_keys(source.policy for source in sources.identity)}


async def _evaluated(
    simulation: Simulation, actions: Sequence[str], marker: str | None, max_items: int | None
) -> dict[str, object]:
    """One page of results. Other requests have their turn after each action."""
    position = after_marker(marker)
    if position and not (position.isascii() and position.isdigit() and int(position) <= len(actions)):
        raise validation_error("Invalid Marker.")
    begin = int(position or "0")
    most = min(max_items or DEFAULT_MAX_ITEMS, max(1, _EVALUATIONS_OF_PAGE // len(simulation.resources)))
    end = begin + most
    results: list[dict[str, object]] = []
    for action in actions[begin:end]:
        results.append(simulation.evaluate(action))
        await asyncio.sleep(0)
    return {"EvaluationResults": results, **tail(str(end) if end < len(actions) else None)}
