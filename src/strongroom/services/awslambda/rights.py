"""Functions as those who explain access see them: resource policy and tags. No permission is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.arn import Arn
from strongroom.errors import AwsError
from strongroom.services.awslambda.access import compiled_policy, resource_tag_context
from strongroom.services.awslambda.names import parse_reference
from strongroom.services.awslambda.records import tags_of_function
from strongroom.services.awslambda.targets import find_target
from strongroom.services.call import Call
from strongroom.services.clients import ResourceRights
from strongroom.store import Transaction

__all__ = ["FunctionRightsSource"]


class FunctionRightsSource:
    """Implements `strongroom.services.clients.RightsSource`."""

    __slots__ = ()

    def rights(
        self,
        transaction: Transaction,
        call: Call,
        name: str,
        action: str,
        encryption_context: Mapping[str, str] | None = None,
    ) -> ResourceRights | None:
        """A function, version or alias by name or ARN; by its ARN in any region. See `RightsSource.rights`."""
        del action, encryption_context
        arn = Arn.parse(name)
        try:
            reference = parse_reference(name, call.account, call.region if arn is None else arn.region)
        except AwsError:  # a text that names no function
            return None
        target = find_target(transaction, reference)
        if target is None:
            return None
        return ResourceRights(
            arn=reference.qualified_arn,
            account=reference.account,
            policy=compiled_policy(target.policy, reference.arn),
            context=resource_tag_context(tags_of_function(transaction, reference.arn)),
        )
