"""Bodies that are parsed once: only short ones, only without secrets, and each caller gets parameters of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from strongroom.errors import AwsError
from strongroom.wire import HttpRequest, json_codec, models, service

JsonPost = Callable[[str, object], HttpRequest]
Parse = Callable[..., dict[str, object]]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were really parsed, by services loaded anew."""
    bodies: list[bytes] = []
    really = json_codec.load_json

    def watching(body: bytes) -> object:
        bodies.append(body)
        return really(body)

    monkeypatch.setattr(models, "load_json", watching)
    return bodies


def parse(operation: str, request: HttpRequest, service_name: str = "secretsmanager") -> dict[str, object]:
    description = service(service_name)
    spec = models.OperationSpec(description, description._model.operation_model(operation))
    for _ in range(2):
        parameters = spec.parse(request, models.Route(description, operation, {}, {}))
        parameters["changed by"] = "the first caller"
    return spec.parse(request, models.Route(description, operation, {}, {}))


def test_a_body_is_parsed_once(json_post: JsonPost, parsed: list[bytes]) -> None:
    request = json_post("secretsmanager.GetSecretValue", {"SecretId": "a", "VersionStage": "AWSCURRENT"})
    assert parse("GetSecretValue", request) == {"SecretId": "a", "VersionStage": "AWSCURRENT"}
    assert len(parsed) == 1


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("PutSecretValue", {"SecretId": "a", "SecretString": "secret", "ClientRequestToken": "t" * 32}),
        ("GetSecretValue", {"SecretId": "a" * 600}),
        ("ListSecrets", {"Filters": [{"Key": "name", "Values": ["a"]}]}),
    ],
)
def test_secrets_long_bodies_and_structures_are_not_kept(
    json_post: JsonPost, parsed: list[bytes], operation: str, body: dict[str, object]
) -> None:
    parse(operation, json_post(f"secretsmanager.{operation}", body))
    assert len(parsed) == 3


def test_a_refused_body_is_refused_again(json_post: JsonPost, parsed: list[bytes]) -> None:
    request = json_post("secretsmanager.GetSecretValue", {"SecretId": ""})
    for _ in range(2):
        with pytest.raises(AwsError, match=r"SecretId|secretId"):
            parse("GetSecretValue", request)
    assert len(parsed) == 2


def test_what_is_kept_is_bounded(json_post: JsonPost, parsed: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_MOST_REMEMBERED_BODIES", 2)
    description = service("secretsmanager")
    spec = models.OperationSpec(description, description._model.operation_model("GetSecretValue"))
    route = models.Route(description, "GetSecretValue", {}, {})
    for name in ("a", "b", "c", "c", "a"):
        request = json_post("secretsmanager.GetSecretValue", {"SecretId": name})
        assert spec.parse(request, route) == {"SecretId": name}
    assert len(parsed) == 4
