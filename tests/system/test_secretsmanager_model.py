"""Random sequences of requests to a running server and to the model of `tests.model`: both must say the same.

At least 8,000 operations in each run on SQLite, fewer on PostgreSQL; ``STRONGROOM_PROPERTY_OPERATIONS`` asks for more.
Every sequence has secrets of its own and removes them. A difference is shrunk by hypothesis to the shortest sequence
that shows it, and printed with the blob that reproduces it.
"""

from __future__ import annotations

import json
import os
import string
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.model.replay import Boto3Caller, Caller, Replay, Tally
from tests.model.service import ModelService
from tests.model.values import Fixtures
from tests.support.keep_alive import KeepAlive
from tests.support.lambda_service import make_function, make_role
from tests.support.server import RunningServer

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

STEPS = 60
OPERATIONS = {"sqlite": 8_000, "postgresql": 2_000}
BOTO3_OPERATIONS = 500

NAMES = ("a", "A", "b", "a-abcdef")
"""Two that differ in case only, and one that ends like an ARN's suffix."""

SPELLINGS = ("name", "name", "arn", "arn", "partial", "past", "foreign", "impossible")
VALUES: tuple[dict[str, Any], ...] = (
    {"SecretString": "one"},
    {"SecretString": "zwei \U0001f511"},
    {"SecretBinary": b"one"},
    {"SecretBinary": bytes(range(256))},
    {"SecretString": "x" * 65_536},
)
LABELS = ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "green", "blue")
PUT_LABELS: tuple[list[str], ...] = (
    ["AWSCURRENT"],
    ["AWSPENDING"],
    ["green"],
    ["blue", "AWSCURRENT"],
    ["AWSPREVIOUS"],
    ["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"],
    [f"label-{number}" for number in range(17)],
)
TAGS = tuple({"Key": key, "Value": value} for key in ("team", "Team") for value in ("db", "web 2", ""))
DESCRIPTIONS = ("", "The database of Invoices", "invoice_archive, old")
FILTERS: tuple[dict[str, Any], ...] = (
    {"Key": "description", "Values": ["invoice"]},
    {"Key": "description", "Values": ["old archive", "!the"]},
    {"Key": "tag-key", "Values": ["te"]},
    {"Key": "tag-key", "Values": ["!Team"]},
    {"Key": "tag-value", "Values": ["web", "x"]},
    {"Key": "all", "Values": ["DB"]},
    {"Key": "all", "Values": ["!team"]},
)

CHARACTERS = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}
FOREIGN_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:other-abcdef"

names = st.sampled_from(NAMES)
spellings = st.sampled_from(SPELLINGS)
tokens = st.integers(0, 5)
values = st.sampled_from(VALUES)
labels = st.sampled_from(LABELS)


class Sequence(RuleBasedStateMachine):
    """One sequence. What all sequences of a run share is set on the class by `run`."""

    caller: Caller
    fixtures: Fixtures
    tally: Tally
    fills_tokens: bool

    def __init__(self) -> None:
        super().__init__()
        self.replay = Replay(self.caller, ModelService(self.fixtures), self.tally)
        self.prefix = f"model/{uuid.uuid4().hex[:16]}/"
        self.past_arns: dict[str, str] = {}

    # --- what requests are made of

    def _id(self, name: str, spelling: str) -> str:
        """A SecretId for one of the names, whether there is such a secret or not."""
        full = self.prefix + name
        secret = self.replay.model.secrets.get(full)
        if spelling == "arn" and secret is not None:
            return secret.arn
        if spelling == "past" and full in self.past_arns:
            return self.past_arns[full]
        if spelling == "partial":
            return self.fixtures.partial_arn(full)
        if spelling == "impossible":
            return f"{full} "
        if spelling == "foreign":
            return self.fixtures.partial_arn(full).replace(self.fixtures.region, "elsewhere-1", 1)
        return full

    def _token(self, number: int) -> str:
        return f"token-{number}-" + "0" * 28

    def _optional_token(self, number: int | None) -> dict[str, str]:
        if number is None:
            return {"ClientRequestToken": str(uuid.uuid4())} if self.fills_tokens else {}
        return {"ClientRequestToken": self._token(number)}

    def _key(self, number: int) -> dict[str, str]:
        """A KmsKeyId: one that works, the service's own in two spellings, one that is switched off, none."""
        spelled = (*self.fixtures.keys, "alias/aws/secretsmanager", "", self.fixtures.disabled_key)
        return {"KmsKeyId": spelled[number]} if number < len(spelled) else {}

    def _holds_open_rotation(self, name: str) -> bool:
        secret = self.replay.model.secrets.get(self.prefix + name)
        return secret is not None and secret.open_rotation is not None

    # --- values

    @initialize(name=names, value=values)
    def begin(self, name: str, value: dict[str, Any]) -> None:
        self.create(name, 0, value, 5, [], None)

    @rule(
        name=names,
        token=st.none() | tokens,
        value=values | st.just({}) | st.just(VALUES[0] | VALUES[2]),
        key=st.integers(0, 8),
        tags=st.lists(st.sampled_from(TAGS), max_size=2),
        description=st.none() | st.sampled_from(DESCRIPTIONS),
    )
    def create(
        self,
        name: str,
        token: int | None,
        value: dict[str, Any],
        key: int,
        tags: list[dict[str, str]],
        description: str | None,
    ) -> None:
        parameters = {"Name": self.prefix + name, **self._optional_token(token), **value, **self._key(key)}
        if tags:
            parameters["Tags"] = tags
        if description is not None:
            parameters["Description"] = description
        answer = self.replay.run("CreateSecret", parameters)
        if answer is not None:
            self.past_arns[self.prefix + name] = answer["ARN"]

    @rule(
        name=names,
        spelling=spellings,
        token=st.none() | tokens,
        value=values | values | st.just({}),
        stages=st.none() | st.sampled_from(PUT_LABELS),
    )
    def put(self, name: str, spelling: str, token: int | None, value: dict[str, Any], stages: list[str] | None) -> None:
        if stages and "AWSPENDING" in stages and self._holds_open_rotation(name):
            return  # the engine would replace the version that lost AWSPENDING, at a time of its own
        parameters = {"SecretId": self._id(name, spelling), **self._optional_token(token), **value}
        if stages is not None:
            parameters["VersionStages"] = stages
        self.replay.run("PutSecretValue", parameters)

    @rule(
        name=names,
        spelling=spellings,
        token=st.none() | tokens,
        value=values | st.just({}),
        key=st.integers(0, 10),
        description=st.none() | st.sampled_from(DESCRIPTIONS),
    )
    def update(
        self, name: str, spelling: str, token: int | None, value: dict[str, Any], key: int, description: str | None
    ) -> None:
        parameters = {
            "SecretId": self._id(name, spelling), **self._optional_token(token), **value, **self._key(key),
        }  # fmt: skip
        if description is not None:
            parameters["Description"] = description
        self.replay.run("UpdateSecret", parameters)

    @rule(name=names, spelling=spellings, token=st.none() | tokens, label=st.none() | labels)
    def read(self, name: str, spelling: str, token: int | None, label: str | None) -> None:
        parameters = {"SecretId": self._id(name, spelling)}
        if token is not None:
            parameters["VersionId"] = self._token(token)
        if label is not None:
            parameters["VersionStage"] = label
        self.replay.run("GetSecretValue", parameters)

    @rule(chosen=st.lists(st.tuples(names, spellings), min_size=1, max_size=5, unique=True))
    def read_batch(self, chosen: list[tuple[str, str]]) -> None:
        ids = list(dict.fromkeys(self._id(name, spelling) for name, spelling in chosen))
        self.replay.run("BatchGetSecretValue", {"SecretIdList": ids})

    @rule(found=st.lists(st.sampled_from(FILTERS), max_size=1), size=st.none() | st.integers(1, 3))
    def read_batch_by_filters(self, found: list[dict[str, Any]], size: int | None) -> None:
        own = {"Key": "name", "Values": [self.prefix]}
        more = {} if size is None else {"MaxResults": size}
        self.replay.run("BatchGetSecretValue", {"Filters": [own, *found], **more})

    # --- descriptions

    @rule(name=names, spelling=spellings)
    def describe(self, name: str, spelling: str) -> None:
        self.replay.run("DescribeSecret", {"SecretId": self._id(name, spelling)})

    @rule(
        found=st.lists(st.sampled_from(FILTERS), max_size=2),
        deleted=st.none() | st.booleans(),
        order=st.none() | st.sampled_from(("asc", "desc")),
        sort=st.none() | st.sampled_from(("name", "created-date", "last-changed-date")),
        size=st.none() | st.integers(1, 3),
    )
    def list_secrets(
        self, found: list[dict[str, Any]], deleted: bool | None, order: str | None, sort: str | None, size: int | None
    ) -> None:
        asked = {"IncludePlannedDeletion": deleted, "SortOrder": order, "SortBy": sort, "MaxResults": size}
        given = {member: value for member, value in asked.items() if value is not None}
        self.replay.run("ListSecrets", {"Filters": [{"Key": "name", "Values": [self.prefix]}, *found], **given})

    @rule(name=names, spelling=spellings, deprecated=st.none() | st.booleans(), size=st.none() | st.integers(1, 3))
    def list_versions(self, name: str, spelling: str, deprecated: bool | None, size: int | None) -> None:
        asked = {"IncludeDeprecated": deprecated, "MaxResults": size}
        given = {member: value for member, value in asked.items() if value is not None}
        self.replay.run("ListSecretVersionIds", {"SecretId": self._id(name, spelling), **given})

    @rule(
        length=st.none() | st.sampled_from((1, 3, 4, 20, 4_096)),
        excluded=st.lists(st.sampled_from(sorted(CHARACTERS)), max_size=4, unique=True),
        each=st.none() | st.booleans(),
    )
    def make_password(self, length: int | None, excluded: list[str], each: bool | None) -> None:
        asked = {"PasswordLength": length, "RequireEachIncludedType": each, **dict.fromkeys(excluded, True)}
        given = {member: value for member, value in asked.items() if value is not None}
        answer = self.replay.run("GetRandomPassword", given)
        if answer is not None:
            barred = "".join(CHARACTERS[member] for member in excluded)
            assert set(answer["RandomPassword"]).isdisjoint(barred + " "), (given, answer)

    # --- labels

    @rule(
        name=names, spelling=spellings, label=labels, source=st.none() | tokens, to=st.none() | tokens,
        right=st.booleans(),
    )  # fmt: skip
    def move_label(self, name: str, spelling: str, label: str, source: int | None, to: int | None, right: bool) -> None:
        """Move a label; mostly from where it is, or the request could hardly ever succeed."""
        if label == "AWSPENDING" and self._holds_open_rotation(name):
            return
        parameters = {"SecretId": self._id(name, spelling), "VersionStage": label}
        secret = self.replay.model.secrets.get(self.prefix + name)
        if right and secret is not None and label in secret.labels:
            parameters["RemoveFromVersionId"] = secret.labels[label]
        elif source is not None:
            parameters["RemoveFromVersionId"] = self._token(source)
        if to is not None:
            parameters["MoveToVersionId"] = self._token(to)
        self.replay.run("UpdateSecretVersionStage", parameters)

    # --- deletion

    @rule(
        name=names,
        spelling=spellings,
        days=st.none() | st.sampled_from((7, 30, 6, 31)),
        force=st.none() | st.booleans(),
    )
    def delete(self, name: str, spelling: str, days: int | None, force: bool | None) -> None:
        asked = {"RecoveryWindowInDays": days, "ForceDeleteWithoutRecovery": force}
        given = {member: value for member, value in asked.items() if value is not None}
        self.replay.run("DeleteSecret", {"SecretId": self._id(name, spelling), **given})

    @rule(name=names, spelling=spellings)
    def restore(self, name: str, spelling: str) -> None:
        self.replay.run("RestoreSecret", {"SecretId": self._id(name, spelling)})

    # --- tags and policies

    @rule(
        name=names, spelling=spellings, tags=st.lists(st.sampled_from(TAGS), min_size=1, max_size=3),
        reserved=st.sampled_from((False, False, False, True)),
    )  # fmt: skip
    def tag(self, name: str, spelling: str, tags: list[dict[str, str]], reserved: bool) -> None:
        given = [*tags, {"Key": "AWS:x", "Value": "y"}] if reserved else tags
        self.replay.run("TagResource", {"SecretId": self._id(name, spelling), "Tags": given})

    @rule(name=names, spelling=spellings, keys=st.lists(st.sampled_from(("team", "Team", "none")), max_size=2))
    def untag(self, name: str, spelling: str, keys: list[str]) -> None:
        self.replay.run("UntagResource", {"SecretId": self._id(name, spelling), "TagKeys": keys})

    @rule(name=names, spelling=spellings)
    def read_policy(self, name: str, spelling: str) -> None:
        self.replay.run("GetResourcePolicy", {"SecretId": self._id(name, spelling)})

    @rule(name=names, spelling=spellings, policy=st.integers(0, 2), block=st.none() | st.booleans())
    def put_policy(self, name: str, spelling: str, policy: int, block: bool | None) -> None:
        texts = (self.fixtures.policy, self.fixtures.public_policy, self.fixtures.malformed_policy)
        more = {} if block is None else {"BlockPublicPolicy": block}
        self.replay.run(
            "PutResourcePolicy", {"SecretId": self._id(name, spelling), "ResourcePolicy": texts[policy], **more}
        )

    @rule(name=names, spelling=spellings)
    def delete_policy(self, name: str, spelling: str) -> None:
        self.replay.run("DeleteResourcePolicy", {"SecretId": self._id(name, spelling)})

    @rule(name=names, spelling=spellings, size=st.none() | st.just(1))
    def list_policies(self, name: str, spelling: str, size: int | None) -> None:
        more = {} if size is None else {"MaxResults": size}
        self.replay.run("ListResourcePolicies", {"SecretId": self._id(name, spelling), **more})

    @rule(name=st.none() | names, spelling=spellings, policy=st.integers(0, 2))
    def validate_policy(self, name: str | None, spelling: str, policy: int) -> None:
        texts = (self.fixtures.policy, self.fixtures.public_policy, self.fixtures.malformed_policy)
        more = {} if name is None else {"SecretId": self._id(name, spelling)}
        self.replay.run("ValidateResourcePolicy", {"ResourcePolicy": texts[policy], **more})

    # --- replication, which has tests of its own: here it is refused

    @rule(
        name=names,
        spelling=spellings,
        request=st.sampled_from(
            (
                ("ReplicateSecretToRegions", {"AddReplicaRegions": [{"Region": "elsewhere-1"}]}),
                ("RemoveRegionsFromReplication", {"RemoveReplicaRegions": ["elsewhere-1"]}),
                ("StopReplicationToReplica", {}),
                ("AssociateCrossAccountReplica", {"CrossAccountReplicaARN": FOREIGN_ARN}),
                ("DisassociateCrossAccountReplica", {"CrossAccountReplicaARN": FOREIGN_ARN}),
            )
        ),
    )
    def replicate(self, name: str, spelling: str, request: tuple[str, dict[str, Any]]) -> None:
        operation, parameters = request
        if spelling != "impossible":
            self.replay.run(operation, {"SecretId": self._id(name, spelling), **parameters})

    # --- rotation

    @rule(
        name=names,
        spelling=spellings,
        token=tokens | st.none(),
        function=st.sampled_from((None, "right", "right", "missing")),
        days=st.none() | st.sampled_from((1, 30)),
    )
    def rotate(self, name: str, spelling: str, token: int | None, function: str | None, days: int | None) -> None:
        parameters: dict[str, Any] = {"SecretId": self._id(name, spelling), **self._optional_token(token)}
        if function is not None:
            parameters["RotationLambdaARN"] = self.fixtures.function + ("" if function == "right" else "-missing")
        if days is not None:
            parameters["RotationRules"] = {"AutomaticallyAfterDays": days}
        self.replay.run("RotateSecret", parameters)

    @rule(name=names, spelling=spellings)
    def cancel_rotation(self, name: str, spelling: str) -> None:
        self.replay.run("CancelRotateSecret", {"SecretId": self._id(name, spelling)})

    # --- what the service model forbids

    @precondition(lambda self: not self.fills_tokens)
    @rule(
        name=names,
        request=st.sampled_from(
            (
                ("PutSecretValue", {"ClientRequestToken": "short", "SecretString": "x"}),
                ("PutSecretValue", {"ClientRequestToken": "t" * 32, "SecretString": ""}),
                ("PutSecretValue", {"ClientRequestToken": "t" * 32, "SecretString": "x" * 65_537}),
                ("PutSecretValue", {"ClientRequestToken": "t" * 32, "SecretString": "x", "VersionStages": []}),
                ("GetSecretValue", {"VersionId": "short"}),
                ("GetSecretValue", {"VersionStage": ""}),
                ("ListSecretVersionIds", {"MaxResults": 0}),
                ("UpdateSecret", {"ClientRequestToken": "t" * 65, "Description": "new"}),
                ("UpdateSecretVersionStage", {"VersionStage": "", "MoveToVersionId": "t" * 32}),
                ("TagResource", {"Tags": [{"Key": "", "Value": "x"}]}),
                ("PutResourcePolicy", {"ResourcePolicy": ""}),
            )
        ),
    )
    def break_a_constraint(self, name: str, request: tuple[str, dict[str, Any]]) -> None:
        operation, parameters = request
        self.replay.run_invalid(operation, {"SecretId": self.prefix + name, **parameters}, "ValidationException")
        if self.prefix + name in self.replay.model.secrets:
            self.replay.run("DescribeSecret", {"SecretId": self.prefix + name})

    def teardown(self) -> None:
        """Compare everything, then leave nothing behind."""
        try:
            self.replay.inspect_everything()
        finally:
            for name in list(self.replay.model.secrets):
                self.replay.run("DeleteSecret", {"SecretId": name, "ForceDeleteWithoutRecovery": True})
        own = {"Key": "name", "Values": [self.prefix]}
        self.replay.run("ListSecrets", {"Filters": [own], "IncludePlannedDeletion": True})


@pytest.fixture(scope="module")
def fixtures(strongroom: RunningServer) -> Fixtures:
    """Two keys, one that is switched off, a function that always fails, and policies."""
    kms, functions = strongroom.client("kms"), strongroom.client("lambda")
    first, second, disabled = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(3))
    kms.disable_key(KeyId=disabled)
    source = "def handler(event, context):\n    raise RuntimeError('always')\n"
    function = make_function(strongroom, make_role(strongroom), source)
    functions.add_permission(
        FunctionName=function["FunctionName"],
        StatementId="rotate",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    principals = ({"AWS": f"arn:aws:iam::{strongroom.account}:root"}, "*")
    policy, public = (
        json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": principal}]})
        for principal in principals
    )
    return Fixtures(
        account=strongroom.account,
        region=strongroom.region,
        keys=[first, second],
        disabled_key=disabled,
        function=function["FunctionArn"],
        policy=policy,
        public_policy=public,
        malformed_policy='{"Version": "2012-10-17"}',
    )


def _wanted(server: RunningServer) -> int:
    engine = "sqlite" if (server.data_dir / "store.sqlite").exists() else "postgresql"
    return int(os.environ.get("STRONGROOM_PROPERTY_OPERATIONS", OPERATIONS[engine]))


def _run(caller: Caller, fixtures: Fixtures, operations: int, *, fills_tokens: bool) -> None:
    """Run sequences until there were so many operations."""
    tally = Tally()
    shared = {"caller": caller, "fixtures": fixtures, "tally": tally, "fills_tokens": fills_tokens}
    machine: type[Sequence] = type("Sequence", (Sequence,), shared)
    while tally.operations < operations:
        missing = operations - tally.operations
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=max(missing // (STEPS * 2), 5),
                stateful_step_count=STEPS,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
                verbosity=Verbosity.normal,
            ),
        )
    told = f"{tally.operations} operations without a difference: {dict(sorted(tally.by_name.items()))}"
    print(f"\n{told}")  # noqa: T201


def test_the_product_and_the_model_say_the_same(strongroom: RunningServer, fixtures: Fixtures) -> None:
    with KeepAlive(strongroom) as caller:
        _run(caller, fixtures, _wanted(strongroom), fills_tokens=False)


def test_the_product_and_the_model_say_the_same_through_boto3(strongroom: RunningServer, fixtures: Fixtures) -> None:
    caller = Boto3Caller(strongroom.client("secretsmanager"))
    _run(caller, fixtures, BOTO3_OPERATIONS, fills_tokens=True)
