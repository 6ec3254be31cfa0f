"""The tags that say where a server is."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.certificates import write_certificate

from strongroom.errors import AwsError
from strongroom.services.rds.endpoints import CA_TAG, ENDPOINT_TAG, TLS_TAG, Endpoint, ca_tags, given_endpoint


def test_no_tag_names_no_server() -> None:
    assert given_endpoint("postgres", {"team": "data"}, None) is None


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("db.example.com:5432", "db.example.com", 5432), ("10.0.0.1:1", "10.0.0.1", 1), ("fd00::1:3306", "fd00::1", 3306)],
)
def test_addresses(address: str, host: str, port: int) -> None:
    assert given_endpoint("mysql", {ENDPOINT_TAG: address}, None) == Endpoint(host, port, tls=True, authorities=None)
    assert given_endpoint("mysql", {ENDPOINT_TAG: address}, port) == Endpoint(host, port, tls=True, authorities=None)


def test_tls_is_off_only_by_name() -> None:
    found = given_endpoint("postgres", {ENDPOINT_TAG: "h0:1", TLS_TAG: "off"}, None)
    assert found is not None
    assert not found.tls
    for said in ("", "no", "OFF", "false"):
        with pytest.raises(AwsError, match="on or off"):
            given_endpoint("postgres", {ENDPOINT_TAG: "h0:1", TLS_TAG: said}, None)


@pytest.mark.parametrize(
    "address",
    ["", "db", "db:", ":5432", "db:0", "db:65536", "db:5432x", "db:٥", "/var/run:5432", "a,b:5432", "a b:1", "-a:1",
     "a@b:1", "db:5432\n", "x" * 300 + ":1"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(AwsError, match="strongroom:endpoint"):
        given_endpoint("postgres", {ENDPOINT_TAG: address}, None)


def test_another_port_than_the_requests_is_refused() -> None:
    with pytest.raises(AwsError, match="Port"):
        given_endpoint("postgres", {ENDPOINT_TAG: "db:5432"}, 5433)


def test_certificates_go_through_tags_and_come_back(tmp_path: Path) -> None:
    pems = []
    for name in ("one", "two"):
        certificate, _ = write_certificate(tmp_path, name=name)
        pems.append(certificate.read_text())
    tags = ca_tags("".join(pems))
    assert all(len(value) <= 256 for value in tags.values())
    found = given_endpoint("postgres", {ENDPOINT_TAG: "h0:1", **tags}, None)
    assert found is not None
    assert found.authorities is not None
    ders = [ssl.PEM_cert_to_DER_cert(pem) for pem in pems]
    assert found.authorities == "".join(ssl.DER_cert_to_PEM_cert(der) for der in ders)
    gap = {key: value for key, value in tags.items() if key != f"{CA_TAG}-2"}
    with pytest.raises(AwsError, match="follow each other"):
        given_endpoint("postgres", {ENDPOINT_TAG: "h0:1", **gap}, None)


@given(st.text(alphabet="ABCDMIab01+/=!", max_size=60))
def test_other_texts_are_no_certificates(text: str) -> None:
    with pytest.raises(AwsError, match="strongroom:ca"):
        given_endpoint("postgres", {ENDPOINT_TAG: "h0:1", CA_TAG: text}, None)


def test_a_file_without_certificates() -> None:
    with pytest.raises(ValueError, match="no certificate"):
        ca_tags("nothing")
