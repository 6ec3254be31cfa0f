"""Tags of functions: TagResource, UntagResource and ListTags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_function, request_tag_context
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.names import FunctionReference, parse_reference
from strongroom.services.awslambda.records import remove_tags, set_tags, tags_of_function
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["TagOperations", "check_tags"]

_MOST_TAGS: Final = 50  # AWS General Reference, "Tagging AWS resources"
_RESERVED_PREFIX: Final = "aws:"
_NO_TAGS: Final[Mapping[str, str]] = {}
_NOTHING: Final[Mapping[str, object]] = {}


def check_tags(tags: Mapping[str, str], present: Mapping[str, str] = _NO_TAGS) -> dict[str, str]:
    """The tags of a request.

    Args:
        tags: The tags.
        present: The tags that the function has already.

    Raises:
        AwsError: ``InvalidParameterValueException``: a key that belongs to AWS, or more than 50 tags in all.
    """
    if any(key.lower().startswith(_RESERVED_PREFIX) for key in tags):
        raise failures.invalid_parameter("Tag keys that begin with aws: are reserved for AWS.")
    if len(tags.keys() | present.keys()) > _MOST_TAGS:
        raise failures.invalid_parameter("Number of tags exceeds resource tag limit.")
    return dict(tags)


class TagOperations(Operations):
    """TagResource, UntagResource and ListTags. A tag belongs to the function, so its ARN has no qualifier."""

    async def tag_resource(self, call: Call, *, Resource: str, Tags: Mapping[str, str]) -> dict[str, object]:
        """Set tags of a function.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException`` for tags that cannot be.
        """
        reference = _tagged(Resource, call)

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:TagResource", request_tag_context(Tags))
            set_tags(transaction, record.arn, check_tags(Tags, tags_of_function(transaction, record.arn)))
            return _NOTHING

        return dict(await call.write(work))

    async def untag_resource(self, call: Call, *, Resource: str, TagKeys: Sequence[str]) -> dict[str, object]:
        """Remove tags of a function; those that are not there are no matter.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = _tagged(Resource, call)

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = {"aws:tagkeys": tuple(TagKeys)}
            record = authorized_function(transaction, call, reference, "lambda:UntagResource", context)
            remove_tags(transaction, record.arn, TagKeys)
            return _NOTHING

        return dict(await call.write(work))

    async def list_tags(self, call: Call, *, Resource: str) -> dict[str, object]:
        """The tags of a function.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = _tagged(Resource, call)

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:ListTags")
            return {"Tags": tags_of_function(transaction, record.arn)}

        return await call.read(work)


def _tagged(resource: str, call: Call) -> FunctionReference:
    reference = parse_reference(resource, call.account, call.region)
    if reference.qualifier is not None:
        raise failures.invalid_parameter("Tags on function aliases and versions are not supported.")
    return reference
