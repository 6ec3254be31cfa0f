from __future__ import annotations

import pytest

from strongroom.wire.uri_templates import UriTemplates


@pytest.fixture(scope="module")
def templates() -> UriTemplates:
    tree = UriTemplates()
    tree.add("GET", "/functions", "List")
    tree.add("POST", "/functions/", "Create")
    tree.add("GET", "/functions/{Name}", "Get")
    tree.add("GET", "/functions/special", "Special")
    tree.add("GET", "/functions/{Name}/policy/{Id}", "GetStatement")
    tree.add("GET", "/layers", "ListLayers")
    tree.add("GET", "/layers?find=Version", "FindLayer")
    tree.add("GET", "/objects/{Key+}/acl", "GetAcl")
    tree.add("GET", "/objects/{Key+}", "GetObject")
    return tree


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "functions", {}, ("List", {})),
        ("POST", "functions", {}, ("Create", {})),
        ("GET", "functions/f", {}, ("Get", {"Name": "f"})),
        ("GET", "functions/special", {}, ("Special", {})),
        ("GET", "functions/special/policy/s", {}, ("GetStatement", {"Name": "special", "Id": "s"})),
        ("GET", "layers", {}, ("ListLayers", {})),
        ("GET", "layers", {"find": ["Version"]}, ("FindLayer", {})),
        ("GET", "layers", {"find": ["Other"]}, ("ListLayers", {})),
        ("GET", "objects/a/b/c", {}, ("GetObject", {"Key": "a/b/c"})),
        ("GET", "objects/a/b/acl", {}, ("GetAcl", {"Key": "a/b"})),
        ("DELETE", "functions/f", {}, None),
        ("GET", "functions/", {}, None),
        ("GET", "functions//policy/s", {}, None),
        ("GET", "nothing", {}, None),
        ("GET", "functions/f/policy", {}, None),
    ],
)
def test_match(
    templates: UriTemplates,
    method: str,
    path: str,
    query: dict[str, list[str]],
    expected: tuple[str, dict[str, str]] | None,
) -> None:
    assert templates.match(method, path.split("/"), query) == expected
