"""Statements of function policies, and the small rules of configuration."""

from __future__ import annotations

import pytest

from strongroom.errors import AwsError
from strongroom.services.awslambda.access import request_tag_context, resource_tag_context
from strongroom.services.awslambda.configuration import check_features
from strongroom.services.awslambda.statements import Permission, principal_name
from strongroom.services.awslambda.tags import check_tags
from strongroom.services.awslambda.variables import check_variables

ARN = "arn:aws:lambda:eu-central-1:111122223333:function:f"


def test_a_statement_with_every_condition() -> None:
    permission = Permission("s", "lambda:InvokeFunction", "s3.amazonaws.com", "arn:aws:s3:::b", "1", "o-1", "t")
    assert permission.statement(ARN) == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "1", "aws:PrincipalOrgID": "o-1", "lambda:EventSourceToken": "t"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        },
    }


@pytest.mark.parametrize(
    "principal", ["", "S3.amazonaws.com", "s3.amazonaws.com.evil", "1234", "s3", "*.amazonaws.com"]
)
def test_principals_that_are_none(principal: str) -> None:
    with pytest.raises(AwsError) as refused:
        Permission("s", "*", principal).statement(ARN)
    assert refused.value.code == "InvalidParameterValueException"


def test_an_account_has_one_name_in_conditions() -> None:
    assert principal_name("111122223333") == principal_name("arn:aws:iam::111122223333:root") == "111122223333"
    assert principal_name("s3.amazonaws.com") == "s3.amazonaws.com"


def test_tags_that_differ_in_case_hide_no_value() -> None:
    assert resource_tag_context({"Team": "red", "team": "blue"}) == {"aws:resourcetag/team": ("red", "blue")}
    assert request_tag_context({"A": "1"}) == {"aws:requesttag/a": "1", "aws:tagkeys": ("A",)}
    assert request_tag_context(None) == {}


def test_tag_keys_of_aws() -> None:
    for key in ("aws:x", "AWS:x"):
        with pytest.raises(AwsError):
            check_tags({key: ""})


def test_features() -> None:
    check_features({"Publish": False, "Layers": [], "VpcConfig": {"SubnetIds": []}, "SnapStart": {"ApplyOn": "None"}})
    for name, value in (("Publish", True), ("Unheard", "of"), ("EphemeralStorage", {"Size": 513})):
        with pytest.raises(AwsError) as refused:
            check_features({name: value})
        assert refused.value.message.startswith(f"{name} is not supported")


def test_refused_variables_are_not_repeated() -> None:
    with pytest.raises(AwsError) as refused:
        check_variables({"Variables": {"NAME": "canary" * 1000}})
    assert "canary" not in str(refused.value)
    assert check_variables({"Variables": {"N": "v" * (4096 - len('{"N":""}'))}})
    assert check_variables(None) == check_variables({}) == {}
