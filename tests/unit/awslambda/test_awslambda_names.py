"""How functions are named."""

from __future__ import annotations

import pytest

from strongroom.errors import AwsError
from strongroom.services.awslambda.names import parse_function_arn, parse_reference, require_new_name

ACCOUNT, REGION = "111122223333", "eu-central-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


@pytest.mark.parametrize(
    ("text", "arn", "qualifier"),
    [
        ("f", ARN, None),
        ("f:$LATEST", ARN, "$LATEST"),
        ("f:7", ARN, "7"),
        (f"{ACCOUNT}:function:f", ARN, None),
        (f"{ACCOUNT}:function:f:prod", ARN, "prod"),
        ("444455556666:function:f", ARN.replace(ACCOUNT, "444455556666"), None),
        (ARN, ARN, None),
        (f"{ARN}:$LATEST", ARN, "$LATEST"),
        (ARN.replace("arn:aws:", "arn:aws-cn:"), ARN.replace("arn:aws:", "arn:aws-cn:"), None),
        ("F", ARN[:-1] + "F", None),
    ],
)
def test_names(text: str, arn: str, qualifier: str | None) -> None:
    found = parse_reference(text, ACCOUNT, REGION)
    assert (found.arn, found.qualifier) == (arn, qualifier)
    assert found.qualified_arn == (arn if qualifier is None else f"{arn}:{qualifier}")


@pytest.mark.parametrize(
    "text",
    [
        *("", " f", "f ", "f/", "f\n", "ｆ", "f:", ":f", "a:b:c"),
        *(f"{ARN}:", f"{ARN}:1:2", f"{ARN}\0", f"{REGION}:{ACCOUNT}:function:f"),
    ],
)
def test_texts_that_name_nothing(text: str) -> None:
    with pytest.raises(AwsError) as refused:
        parse_reference(text, ACCOUNT, REGION)
    assert refused.value.code == "InvalidParameterValueException"


def test_qualifiers() -> None:
    assert parse_reference("f", ACCOUNT, REGION, "1").qualifier == "1"
    assert parse_reference("f:1", ACCOUNT, REGION, "1").qualifier == "1"
    assert parse_reference("f", ACCOUNT, REGION).names_latest
    assert parse_reference("f", ACCOUNT, REGION, "$LATEST").names_latest
    assert not parse_reference("f", ACCOUNT, REGION, "$LATEST.PUBLISHED").names_latest
    with pytest.raises(AwsError):
        parse_reference("f:1", ACCOUNT, REGION, "2")


def test_only_whole_arns_are_arns() -> None:
    assert parse_function_arn("f") is None
    assert parse_function_arn(f"{ACCOUNT}:function:f") is None
    assert parse_function_arn(ARN.replace(":function:", ":layer:")) is None
    assert parse_function_arn(ARN.replace(":lambda:", ":kms:")) is None
    assert parse_function_arn(f"x{ARN}") is None


@pytest.mark.parametrize("name", ["f:1", "f.g", "f" * 65])
def test_names_that_cannot_be_given(name: str) -> None:
    with pytest.raises(AwsError):
        require_new_name(parse_reference(name, ACCOUNT, REGION))
    require_new_name(parse_reference("f" * 64, ACCOUNT, REGION))
