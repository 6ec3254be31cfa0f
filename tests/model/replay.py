"""One request at a time to the product and to the model; whatever the two say differently fails the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import ClientError
from tests.model.service import ModelService
from tests.model.state import ModelError, Secret
from tests.model.values import DATE
from tests.support.keep_alive import Refused

__all__ = ["Boto3Caller", "Caller", "Replay", "Tally"]

Document = dict[str, Any]
Outcome = Document | tuple[str, str]
"""An answer, or the code and the text of an error."""

_LISTS = {"ListSecrets": "SecretList", "ListSecretVersionIds": "Versions", "BatchGetSecretValue": "SecretValues"}
_READS = frozenset(
    {
        "GetSecretValue",
        "BatchGetSecretValue",
        "DescribeSecret",
        "GetResourcePolicy",
        *_LISTS,
        "ListResourcePolicies",
        "ValidateResourcePolicy",
    }
)


class Caller(Protocol):
    """A way to the product."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Document:
        """Call an operation with parameters as boto3 takes them.

        Raises:
            Refused: It answered with an error.
        """
        ...


class Boto3Caller:
    """The way that users take.

    Args:
        client: A boto3 client of Secrets Manager.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Document:
        """Call the method of an operation."""
        try:
            answer: Document = getattr(self._client, xform_name(operation))(**parameters)
        except ClientError as error:
            found = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise Refused(operation, status, found["Code"], found["Message"]) from None
        del answer["ResponseMetadata"]
        return answer


@dataclass
class Tally:
    """How often the product was called, over all sequences."""

    operations: int = 0
    by_name: dict[str, int] = field(default_factory=dict)

    def count(self, operation: str) -> None:
        """Count one call."""
        self.operations += 1
        self.by_name[operation] = self.by_name.get(operation, 0) + 1


class Replay:
    """A sequence of requests to both.

    Args:
        caller: The way to the product.
        model: The model, without secrets.
        tally: Where calls are counted.
    """

    def __init__(self, caller: Caller, model: ModelService, tally: Tally) -> None:
        self.model = model
        self._caller = caller
        self._tally = tally
        self._changed: dict[str, tuple[int, Any]] = {}

    def run(self, operation: str, parameters: Mapping[str, Any]) -> Document | None:
        """Run one request and compare. Of a list all pages are fetched, each of at most ``MaxResults`` items.

        After a request that may have changed a secret, refused or not, its description is compared too.

        Returns:
            The product's answer; None when both refused.
        """
        real = self._real(operation, parameters)
        expected = self._expected(operation, parameters, real)
        _compare(operation, parameters, real, expected)
        if operation in _READS:
            self._check_dates(operation, real)
        elif (secret := self._touched(parameters)) is not None:
            self.run("DescribeSecret", {"SecretId": secret.arn})
        return real if isinstance(real, dict) else None

    def run_invalid(self, operation: str, parameters: Mapping[str, Any], code: str) -> None:
        """Run a request that the service model itself forbids: it must be refused with ``code`` and change nothing."""
        real = self._real(operation, parameters)
        assert not isinstance(real, dict), (operation, parameters, real)
        assert real[0] == code, (operation, parameters, real)

    def inspect_everything(self) -> None:
        """Compare all that can be seen of the secrets."""
        for secret in list(self.model.secrets.values()):
            self.run("DescribeSecret", {"SecretId": secret.arn})
            self.run("ListSecretVersionIds", {"SecretId": secret.arn, "IncludeDeprecated": True})
            self.run("GetResourcePolicy", {"SecretId": secret.arn})
            for token in list(secret.versions):
                self.run("GetSecretValue", {"SecretId": secret.arn, "VersionId": token})

    def _touched(self, parameters: Mapping[str, Any]) -> Secret | None:
        """The secret that a request is about, if there is one."""
        try:
            return self.model.find(parameters.get("SecretId", parameters.get("Name", "")))
        except ModelError:
            return None

    def _real(self, operation: str, parameters: Mapping[str, Any]) -> Outcome:
        try:
            answer = self._call(operation, parameters)
            while "NextToken" in answer:
                following = self._call(operation, {**parameters, "NextToken": answer.pop("NextToken")})
                items = _LISTS[operation]
                answer = {**following, items: answer[items] + following[items]} | (
                    {"Errors": answer["Errors"] + following["Errors"]} if "Errors" in answer else {}
                )
        except Refused as refused:
            if refused.status >= 500:
                raise
            return refused.code, refused.message
        return answer

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> Document:
        self._tally.count(operation)
        answer = self._caller.call(operation, parameters)
        if operation in _LISTS and "MaxResults" in parameters:
            assert len(answer[_LISTS[operation]]) <= parameters["MaxResults"], (operation, parameters, answer)
        return answer

    def _expected(self, operation: str, parameters: Mapping[str, Any], real: Outcome) -> Document | ModelError:
        method = getattr(self.model, xform_name(operation))
        try:
            if operation == "CreateSecret":
                made: Document = method(real["ARN"] if isinstance(real, dict) else "", parameters)
                return made
            answer: Document = method(parameters)
        except ModelError as error:
            return error
        return answer

    def _check_dates(self, operation: str, real: Outcome) -> None:
        """Dates cannot be foretold, but they can be held against each other and against what happened."""
        if not isinstance(real, dict):
            return
        described = {"DescribeSecret": [real], "ListSecrets": real.get("SecretList", [])}.get(operation, [])
        for each in described:
            secret = self.model.find(each["ARN"])
            assert secret is not None
            assert each["LastChangedDate"] >= each["CreatedDate"]
            assert "LastAccessedDate" not in each or secret.was_read, each
            changes, date = self._changed.get(secret.arn, (-1, None))
            if changes == secret.changes:
                assert each["LastChangedDate"] == date, ("LastChangedDate moved", each)
            elif changes >= 0:
                assert each["LastChangedDate"] > date, ("LastChangedDate did not move", each)
            self._changed[secret.arn] = (secret.changes, each["LastChangedDate"])


def _compare(operation: str, parameters: Mapping[str, Any], real: Outcome, expected: Document | ModelError) -> None:
    told = f"\n{operation} {dict(parameters)}\n  product: {real}\n  model:   {expected}"
    if isinstance(expected, ModelError):
        assert not isinstance(real, dict), f"the model refuses{told}"
        assert real[0] == expected.code, f"another error{told}"
        assert expected.message in {None, real[1]}, f"another text{told}"
        return
    assert isinstance(real, dict), f"the model does not refuse{told}"
    if operation in {"ListSecrets", "BatchGetSecretValue"}:
        _check_order(parameters, real)
    assert _plain(real, parameters) == _plain(expected, parameters), f"another answer{told}"


def _check_order(parameters: Mapping[str, Any], real: Document) -> None:
    """Lists are in the order that was asked for, as far as dates tell it."""
    member = {"created-date": "CreatedDate", "last-changed-date": "LastChangedDate"}.get(
        parameters.get("SortBy", "created-date")
    )
    if member and "SecretList" in real:
        dates = [entry[member] for entry in real["SecretList"]]
        assert dates == sorted(dates, reverse=parameters.get("SortOrder") == "desc"), (parameters, real)


def _plain(value: Any, parameters: Mapping[str, Any], member: str = "") -> Any:
    """A form that two right answers share: dates as `DATE`, and no order where none is promised."""
    if member.endswith("Date"):
        return DATE
    if member == "ResourcePolicy":
        return json.loads(value)
    if member == "RandomPassword" and isinstance(value, str):
        return len(value)
    if member == "ValidationErrors":
        return bool(value)
    if isinstance(value, dict):
        return {key: _plain(item, parameters, key) for key, item in value.items() if key != "LastAccessedDate"}
    if isinstance(value, list):
        items = [_plain(item, parameters, member) for item in value]
        return sorted(items, key=_sort_key) if _has_no_order(member, parameters) else items
    return value


def _has_no_order(member: str, parameters: Mapping[str, Any]) -> bool:
    """Two secrets of one millisecond may be listed either way; lists by name and batches by id are ordered."""
    if member == "SecretList":
        return parameters.get("SortBy") != "name"
    if member in {"SecretValues", "Errors"}:
        return "SecretIdList" not in parameters
    return member != "SecretIdList"


def _sort_key(item: object) -> str:
    if isinstance(item, dict):
        return next((str(item[key]) for key in ("ARN", "VersionId", "SecretId", "Key") if key in item), "")
    return str(item)
