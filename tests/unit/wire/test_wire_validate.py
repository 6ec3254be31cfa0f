from __future__ import annotations

from collections.abc import Callable

import pytest

from strongroom.errors import AwsError
from strongroom.wire import HttpRequest

JsonPost = Callable[[str, object], HttpRequest]
Parse = Callable[..., dict[str, object]]

SECRET_ID_IS_NULL = "Value null at 'secretId' failed to satisfy constraint: Member must not be null"
LABEL_RULES = (
    "Member must satisfy constraint: [Member must have length less than or equal to 256, "
    "Member must have length greater than or equal to 1, Member must not be null]"
)


def violation(parse: Parse, request: HttpRequest) -> str:
    with pytest.raises(AwsError) as caught:
        parse(request)
    assert caught.value.code == "ValidationException"
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize(
    ("operation", "body", "constraint"),
    [
        ("GetSecretValue", {}, SECRET_ID_IS_NULL),
        (
            "GetSecretValue",
            {"SecretId": None},
            "Value null at 'secretId' failed to satisfy constraint: Member must not be null",
        ),
        (
            "GetSecretValue",
            {"SecretId": "x" * 2049},
            "Value at 'secretId' failed to satisfy constraint: Member must have length less than or equal to 2048",
        ),
        (
            "GetSecretValue",
            {"SecretId": "s", "VersionStage": "x" * 257},
            f"Value '{'x' * 257}' at 'versionStage' failed to satisfy constraint: "
            "Member must have length less than or equal to 256",
        ),
        (
            "GetSecretValue",
            {"SecretId": ""},
            "Value '' at 'secretId' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "ListSecrets",
            {"MaxResults": 101},
            "Value '101' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        (
            "ListSecrets",
            b'{"MaxResults": -1208925819614629174706176}',
            f"Value '{-(2**80)}' at 'maxResults' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            "ListSecrets",
            {"SortOrder": "up"},
            "Value 'up' at 'sortOrder' failed to satisfy constraint: Member must satisfy enum value set: [asc, desc]",
        ),
        (
            "RotateSecret",
            {"SecretId": "s", "RotationRules": {"Duration": "3m"}},
            "Value '3m' at 'rotationRules.duration' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [0-9]+h",
        ),
        (
            "TagResource",
            {"SecretId": "s", "Tags": [{"Key": "k"}, {"Key": "x" * 129}]},
            f"Value '{'x' * 129}' at 'tags.2.member.key' failed to satisfy constraint: "
            "Member must have length less than or equal to 128",
        ),
        (
            "TagResource",
            {"SecretId": "s", "Tags": [None]},
            "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            "PutSecretValue",
            {"SecretId": "s", "VersionStages": ["a", ""]},
            f"Value '[a, ]' at 'versionStages' failed to satisfy constraint: {LABEL_RULES}",
        ),
        (
            "PutSecretValue",
            {"SecretId": "s", "VersionStages": ["a", None]},
            f"Value '[a, null]' at 'versionStages' failed to satisfy constraint: {LABEL_RULES}",
        ),
        (
            "PutSecretValue",
            {"SecretId": "s", "VersionStages": []},
            "Value '[]' at 'versionStages' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
    ],
)
def test_texts(json_post: JsonPost, parse: Parse, operation: str, body: object, constraint: str) -> None:
    message = violation(parse, json_post(f"secretsmanager.{operation}", body))
    assert message == f"1 validation error detected: {constraint}"


def test_all_violations_are_gathered(json_post: JsonPost, parse: Parse) -> None:
    message = violation(parse, json_post("secretsmanager.GetSecretValue", {"VersionId": "x", "VersionStage": ""}))
    assert message == (
        "3 validation errors detected: "
        "Value 'x' at 'versionId' failed to satisfy constraint: Member must have length greater than or equal to 32; "
        "Value '' at 'versionStage' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value null at 'secretId' failed to satisfy constraint: Member must not be null"
    )


def test_at_most_ten_are_told(json_post: JsonPost, parse: Parse) -> None:
    tags = [{"Key": ""} for _ in range(5000)]
    message = violation(parse, json_post("secretsmanager.TagResource", {"SecretId": "s", "Tags": tags}))
    assert message.startswith("10 validation errors detected: ")
    assert message.count("; ") == 9


@pytest.mark.parametrize(
    ("operation", "body", "path"),
    [
        ("CreateSecret", {"Name": "n", "SecretString": "canary" * 11_000}, "secretString"),
        ("CreateSecret", {"Name": "n", "SecretString": ""}, "secretString"),
        ("CreateSecret", {"Name": "n", "SecretBinary": ""}, "secretBinary"),
        ("PutSecretValue", {"SecretId": "s", "SecretString": "v", "RotationToken": "canary"}, "rotationToken"),
    ],
)
def test_sensitive_values_are_never_shown(
    json_post: JsonPost, parse: Parse, operation: str, body: object, path: str
) -> None:
    message = violation(parse, json_post(f"secretsmanager.{operation}", body))
    assert message.startswith(f"1 validation error detected: Value at '{path}' failed to satisfy constraint: ")
    assert "canary" not in message


def test_lengths_count_characters_and_bytes(json_post: JsonPost, parse: Parse) -> None:
    assert parse(json_post("secretsmanager.GetSecretValue", {"SecretId": "\N{GRINNING FACE}" * 2048}))
    plaintext = "A" * (4096 // 3 * 4) + "AA=="
    assert len(str(parse(json_post("TrentService.Encrypt", {"KeyId": "k", "Plaintext": plaintext})))) > 4096
    message = violation(parse, json_post("TrentService.Encrypt", {"KeyId": "k", "Plaintext": "A" * 5464}))
    assert message.startswith("1 validation error detected: Value at 'plaintext' failed")


def test_integers_without_bounds_have_those_of_their_type(json_post: JsonPost, parse: Parse) -> None:
    request = json_post("AmazonSSM.DescribeInstanceInformation", {"MaxResults": 2**40})
    assert "Member must have value less than or equal to" in violation(parse, request)


def test_sensitive_maps_are_not_shown(router: object, parse: Parse) -> None:
    body = b'{"Environment": {"Variables": {"no-dash": "canary"}}}'
    request = HttpRequest("PUT", b"/2015-03-31/functions/f/configuration", b"", (), body, "::1")
    message = violation(parse, request)
    assert message == (
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: "
        "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, "
        "Member must not be null]"
    )
