"""Backups in a bucket of S3, or of any service that speaks S3's API.

A backup is uploaded in parts and completed at the end (S3 User Guide, "Uploading and copying objects using multipart
upload"): until then there is no object. Uploads that a killed backup left are invisible too; a lifecycle rule of the
bucket for incomplete uploads removes them. Credentials come from where AWS's tools take them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Final, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from strongroom.backup.format import Sink
from strongroom.backup.places import Kept, is_backup_name
from strongroom.errors import OperatorError

__all__ = ["Bucket"]

_PART_LENGTH: Final = 16 << 20
"""Bytes of a part. S3 takes 10,000 of them, of at least 5 MiB each but the last: so a backup has up to 160 GB."""


_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = 60.0
_ATTEMPTS: Final = 4
"""How long a service may say nothing, and how often it is asked: so one that hangs is given up after minutes."""


class Bucket:
    """A prefix in a bucket.

    Args:
        bucket: The bucket's name.
        prefix: What the keys begin with, without a slash at its end; may be empty.
        endpoint_url: URL of the service; AWS's own by default.

    Raises:
        OperatorError: The client cannot be made with the credentials and region of the environment.
    """

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None) -> None:
        import botocore.session  # noqa: PLC0415 - a third of a second and 20 MB, which a folder of backups need not pay

        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        with self._told():
            # Path style and checksums only where they are required: what every S3-compatible service understands.
            config = Config(
                s3={"addressing_style": "path"} if endpoint_url else {},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            )
            session = botocore.session.Session()
            self._client: Any = session.create_client("s3", endpoint_url=endpoint_url, config=config)

    def prepare(self) -> None:
        """See `Place`. A bucket is made by its owner."""

    @contextmanager
    def writing(self, name: str) -> Iterator[Sink]:
        """See `Place`."""
        with self._told():
            where = {"Bucket": self._bucket, "Key": self._prefix + name}
            where["UploadId"] = self._client.create_multipart_upload(**where)["UploadId"]
            complete = False
            try:
                parts = _Parts(self._client, where)
                yield parts
                done = parts.finish()
                self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
                complete = True
            finally:
                if not complete:
                    self._abort(where)

    def _abort(self, where: dict[str, str]) -> None:
        """Let go of an upload. If that fails too, what failed before is what the operator should hear of."""
        with suppress(ClientError, BotoCoreError):
            self._client.abort_multipart_upload(**where)

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """See `Place`."""
        with self._told():
            body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
            try:
                yield cast("BinaryIO", body)
            finally:
                body.close()

    def kept(self) -> list[Kept]:
        """See `Place`."""
        with self._told():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            found = [
                Kept(entry["Key"].removeprefix(self._prefix), entry["Size"])
                for page in pages
                for entry in page.get("Contents", [])
            ]
        return sorted((kept for kept in found if is_backup_name(kept.name)), key=lambda kept: kept.name)

    def delete(self, name: str) -> None:
        """See `Place`."""
        with self._told():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._unusable(str(error.response.get("Error", {}).get("Code", "an error"))) from None
        except (BotoCoreError, HTTPClientError) as error:
            raise self._unusable(type(error).__name__) from None

    def _unusable(self, why: str) -> OperatorError:
        return OperatorError(
            f"The backups in s3://{self._bucket}/{self._prefix} could not be used.",
            why=why,
            fix="check the bucket, the endpoint, and the AWS credentials and region of this environment",
        )


class _Parts:
    """Gathers bytes into parts and uploads each that is full."""

    def __init__(self, client: Any, where: dict[str, str]) -> None:
        self._client = client
        self._where = where
        self._waiting = bytearray()
        self._done: list[dict[str, object]] = []

    def write(self, content: bytes, /) -> int:
        self._waiting += content
        while len(self._waiting) >= _PART_LENGTH:
            self._upload(bytes(self._waiting[:_PART_LENGTH]))
            del self._waiting[:_PART_LENGTH]
        return len(content)

    def finish(self) -> list[dict[str, object]]:
        """Upload the rest; all parts."""
        if self._waiting or not self._done:
            self._upload(bytes(self._waiting))
        return self._done

    def _upload(self, content: bytes) -> None:
        number = len(self._done) + 1
        tag = self._client.upload_part(**self._where, PartNumber=number, Body=content)["ETag"]
        self._done.append({"PartNumber": number, "ETag": tag})
