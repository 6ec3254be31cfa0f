"""Tags of a request."""

from __future__ import annotations

import pytest

from strongroom.errors import AwsError
from strongroom.services.iam.tags import request_tags, shown_tags, tag_request_context


def _tags(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs]


def test_tags_of_a_request() -> None:
    tags = _tags(("Team", "a"), ("stage", "b"))
    assert request_tags(tags) == {"Team": "a", "stage": "b"}
    assert shown_tags(request_tags(tags)) == tags
    assert request_tags(None) == {}


@pytest.mark.parametrize("tags", [_tags(("a", "1"), ("A", "2")), _tags(("a", "1"), ("a", "1")), _tags(("aws:x", "1"))])
def test_tags_that_are_refused(tags: list[dict[str, str]]) -> None:
    with pytest.raises(AwsError) as caught:
        request_tags(tags)
    assert caught.value.code == "InvalidInput"


def test_condition_keys_are_in_lower_case_and_their_values_as_written() -> None:
    assert tag_request_context(_tags(("Team", "Blue"))) == {"aws:requesttag/team": "Blue", "aws:tagkeys": ("Team",)}
    assert tag_request_context(None) == {}
