"""Backups in an S3-compatible bucket, against a small S3 behind a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.bucket import ACCESS_KEY, HANGS, S3Double, s3_double

from strongroom.backup import bucket
from strongroom.backup.place_names import place_and_name, place_of
from strongroom.errors import OperatorError

NAME = "strongroom-01234567-20260921T141320123Z-abcdef01.backup"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Double]:
    for name, value in (("ACCESS_KEY_ID", ACCESS_KEY), ("SECRET_ACCESS_KEY", "key"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(bucket, "_PART_LENGTH", 10)
    monkeypatch.setattr(bucket, "_ATTEMPTS", 1)
    with s3_double() as double:
        yield double


def told(work: Callable[[], object]) -> str:
    """What an operator is told about work that fails."""
    with pytest.raises(OperatorError) as refused:
        work()
    assert "s3://vault" in refused.value.what
    return refused.value.why


def write(s3: S3Double, name: str = NAME) -> None:
    with place_of("s3://vault", s3.endpoint).writing(name) as sink:
        sink.write(b"more than one part of it")


def read(s3: S3Double) -> bytes:
    with place_of("s3://vault", s3.endpoint).reading(NAME) as source:
        return source.read()


def test_a_backup_is_there_when_it_is_complete(s3: S3Double) -> None:
    place = place_of("s3://vault/of/backups/", s3.endpoint)
    with place.writing(NAME) as sink:
        for content in (b"0123456", b"789abcdefghijklmnopqrst", b"u"):
            sink.write(content)
        assert place.kept() == []
    assert s3.objects == {f"of/backups/{NAME}": b"0123456789abcdefghijklmnopqrstu"}
    s3.objects["of/backups/notes.txt"] = b"somebody else's"
    assert [(kept.name, kept.size) for kept in place.kept()] == [(NAME, 31)]
    again, name = place_and_name(f"s3://vault/of/backups/{NAME}", s3.endpoint)
    with again.reading(name) as source:
        assert (source.read(3), source.read(100), source.read(1)) == (b"012", b"3456789abcdefghijklmnopqrstu", b"")
    place.delete(NAME)
    assert list(s3.objects) == ["of/backups/notes.txt"]


def test_a_list_has_every_page(s3: S3Double) -> None:
    names = [f"strongroom-01234567-20260921T141320123Z-{number:08x}.backup" for number in range(2001)]
    s3.objects |= dict.fromkeys(names, b"x") | {f"strongroom-{number}": b"" for number in range(7)}
    assert [kept.name for kept in place_of("s3://vault", s3.endpoint).kept()] == names
    assert s3.asked == ["ListObjectsV2"] * 3


@pytest.mark.parametrize("aborts", [True, False])
def test_a_backup_that_failed_leaves_nothing(s3: S3Double, aborts: bool) -> None:
    """And its own failure is told, not that of cleaning up."""
    place = place_of("s3://vault", s3.endpoint)
    if not aborts:
        s3.faults["AbortMultipartUpload"] = "AccessDenied"

    def stop_half_way() -> None:
        with place.writing(NAME) as sink:
            sink.write(b"more than one part of it")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert s3.objects == {}
    assert bool(s3.uploads) is not aborts
    assert place.kept() == []


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("CreateMultipartUpload", "AccessDenied"),
        ("UploadPart", "SlowDown"),
        ("CompleteMultipartUpload", "AccessDenied"),
        ("CompleteMultipartUpload", "200"),
    ],
)
def test_an_upload_that_is_refused_is_aborted(s3: S3Double, operation: str, fault: str) -> None:
    s3.faults[operation] = fault
    assert told(lambda: write(s3)) == ("InternalError" if fault == "200" else fault)
    assert (s3.objects, s3.uploads) == ({}, {})


def test_what_the_service_says_is_told(s3: S3Double, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(lambda: read(s3)) == "NoSuchKey"
    s3.bucket = None
    for work in (lambda: read(s3), lambda: write(s3), lambda: place_of("s3://vault", s3.endpoint).kept()):
        assert told(work) == "NoSuchBucket"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFNOBODY")
    assert told(lambda: write(s3)) == "InvalidAccessKeyId"
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}")
    for name, value in (
        *(("EC2_METADATA_DISABLED", "true"), ("CONFIG_FILE", "/dev/null"), ("SHARED_CREDENTIALS_FILE", "/dev/null")),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    assert told(lambda: write(s3)) == "NoCredentialsError"


def test_a_bucket_of_another_region_is_found(s3: S3Double) -> None:
    s3.region = "eu-central-1"
    write(s3)
    assert read(s3) == b"more than one part of it"


@pytest.mark.parametrize("operation", ["ListObjectsV2", "UploadPart", "GetObject"])
def test_a_service_that_hangs_is_given_up(s3: S3Double, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    monkeypatch.setattr(bucket, "_READ_SECONDS", 0.2)
    write(s3)
    s3.faults[operation] = HANGS
    works = {"ListObjectsV2": lambda: place_of("s3://vault", s3.endpoint).kept(), "GetObject": lambda: read(s3)}
    assert told(works.get(operation, lambda: write(s3))) == "ReadTimeoutError"
    assert s3.uploads == {}


def test_a_backup_that_breaks_off_is_told(s3: S3Double) -> None:
    write(s3)
    s3.cut = True
    assert told(lambda: read(s3)) in {"IncompleteReadError", "ResponseStreamingError"}


def test_a_service_that_is_not_there(s3: S3Double) -> None:
    gone = place_of("s3://vault", "http://127.0.0.1:1")
    assert told(gone.kept) == "EndpointConnectionError"
