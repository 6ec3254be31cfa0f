"""Backups in an S3-compatible bucket, against a small S3 behind a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.bucket import S3Double, s3_double

from strongroom.backup import bucket
from strongroom.backup.place_names import place_and_name, place_of
from strongroom.errors import OperatorError

NAME = "strongroom-01234567-20260921T141320123Z-abcdef01.backup"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Double]:
    for name, value in (("ACCESS_KEY_ID", "AKID"), ("SECRET_ACCESS_KEY", "key"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(bucket, "_PART_LENGTH", 10)
    with s3_double() as double:
        yield double


def test_a_backup_is_there_when_it_is_complete(s3: S3Double) -> None:
    place = place_of("s3://vault/of/backups/", s3.endpoint)
    with place.writing(NAME) as sink:
        for content in (b"0123456", b"789abcdefghijklmnopqrst", b"u"):
            sink.write(content)
        assert place.kept() == []
    assert s3.objects == {f"/vault/of/backups/{NAME}": b"0123456789abcdefghijklmnopqrstu"}
    s3.objects["/vault/of/backups/notes.txt"] = b"somebody else's"
    assert [(kept.name, kept.size) for kept in place.kept()] == [(NAME, 31)]
    again, name = place_and_name(f"s3://vault/of/backups/{NAME}", s3.endpoint)
    with again.reading(name) as source:
        assert (source.read(3), source.read(100), source.read(1)) == (b"012", b"3456789abcdefghijklmnopqrstu", b"")
    place.delete(NAME)
    assert list(s3.objects) == ["/vault/of/backups/notes.txt"]


def test_a_backup_that_failed_leaves_nothing(s3: S3Double) -> None:
    place = place_of("s3://vault", s3.endpoint)

    def stop_half_way() -> None:
        with place.writing(NAME) as sink:
            sink.write(b"more than one part of it")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert (s3.objects, s3.uploads) == ({}, {})


def test_what_the_service_says_is_told(s3: S3Double) -> None:
    place = place_of("s3://vault", s3.endpoint)
    with pytest.raises(OperatorError) as refused, place.reading(NAME):
        pass
    assert "NoSuchKey" in refused.value.why
