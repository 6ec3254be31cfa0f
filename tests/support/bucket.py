"""A small S3: the operations that backups use, in memory, behind a real HTTP port, with the faults of a real one.

It answers as the S3 API Reference says: lists in pages of at most 1,000 keys, errors as XML, a redirect to the bucket's
region. Of a signature it checks the access key and the region, which is what operators get wrong.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

__all__ = ["ACCESS_KEY", "HANGS", "S3Double", "s3_double"]

ACCESS_KEY = "AKID"
HANGS = "hangs"
"""A fault: the answer does not come."""

Query = dict[str, list[str]]


class Refused(Exception):
    """An error of S3.

    Args:
        status: The HTTP status.
        code: The error's code.
        more: Further elements of the error's XML.
        headers: Further headers.
    """

    def __init__(self, status: int, code: str, more: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.body = f"<Error><Code>{code}</Code><Message>no</Message>{more}</Error>".encode()
        self.headers = headers or {}


@dataclass
class S3Double:
    """What it holds, and how it misbehaves.

    Attributes:
        endpoint: Its URL.
        bucket: The only bucket; None when it is gone.
        region: Where the bucket is.
        objects: Contents by key.
        uploads: Parts by upload id, of uploads that are under way.
        asked: The operations that were asked for, in their order.
        faults: The error code of an operation, by its name, or `HANGS`.
        cut: Whether objects are given out one byte short.
    """

    endpoint: str
    bucket: str | None = "vault"
    region: str = "us-east-1"
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, path: str, query: Query, body: bytes, authorization: str) -> bytes:
        """The body of the answer to a request.

        Raises:
            Refused: It is an error.
        """
        operation = _operation(method, query)
        self.asked.append(operation)
        bucket, _, key = path.lstrip("/").partition("/")
        self._admit(bucket, authorization)
        fault = self.faults.get(operation)
        if fault == HANGS:
            self.closing.wait(30)
        elif fault == "200":  # "CompleteMultipartUpload": an error may come after the headers of a success
            return Refused(200, "InternalError").body
        elif fault is not None:
            raise Refused(503 if fault == "SlowDown" else 403, fault)
        return self._work(operation, key, query, body)

    def _admit(self, bucket: str, authorization: str) -> None:
        """Check what a signature says of itself, and that the bucket is here."""
        scope = re.search(r"Credential=([^/]+)/\d{8}/([^/]+)/s3/aws4_request", authorization)
        if scope is None or scope[1] != ACCESS_KEY:
            raise Refused(403, "InvalidAccessKeyId")
        if bucket != self.bucket:
            raise Refused(404, "NoSuchBucket")
        if scope[2] != self.region:
            raise Refused(301, "PermanentRedirect", headers={"x-amz-bucket-region": self.region})

    def _work(self, operation: str, key: str, query: Query, body: bytes) -> bytes:
        upload = query.get("uploadId", [""])[0]
        match operation:
            case "CreateMultipartUpload":
                upload = f"upload-{len(self.asked)}"
                self.uploads[upload] = {}
                answer = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                return answer.encode()
            case "UploadPart":
                self._parts(upload)[int(query["partNumber"][0])] = body
            case "CompleteMultipartUpload":
                self.objects[key] = b"".join(part for _, part in sorted(self._parts(upload).items()))
                del self.uploads[upload]
                return b"<CompleteMultipartUploadResult/>"
            case "AbortMultipartUpload":
                self._parts(upload)
                del self.uploads[upload]
            case "DeleteObject":
                self.objects.pop(key, None)
            case "ListObjectsV2":
                return self._page(query)
            case _:
                if key not in self.objects:
                    raise Refused(404, "NoSuchKey")
                return self.objects[key]
        return b""

    def _parts(self, upload: str) -> dict[int, bytes]:
        if upload not in self.uploads:
            raise Refused(404, "NoSuchUpload")
        return self.uploads[upload]

    def _page(self, query: Query) -> bytes:
        """A page of a list: the token of the next one is the key that it begins behind."""
        prefix, after = (query.get(name, [""])[0] for name in ("prefix", "continuation-token"))
        most = min(1000, int(query.get("max-keys", ["1000"])[0]))
        found = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        shown = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size></Contents>"
            for key in found[:most]
        )
        more = f"<NextContinuationToken>{escape(found[most - 1])}</NextContinuationToken>" if len(found) > most else ""
        truncated = "true" if more else "false"
        return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}{shown}</ListBucketResult>".encode()


def _operation(method: str, query: Query) -> str:
    """The name of an operation, as the API Reference has it."""
    of_upload = "uploadId" in query
    match method:
        case "POST":
            return "CompleteMultipartUpload" if of_upload else "CreateMultipartUpload"
        case "PUT":
            return "UploadPart"
        case "DELETE":
            return "AbortMultipartUpload" if of_upload else "DeleteObject"
        case _:
            return "ListObjectsV2" if "list-type" in query else "GetObject"


@contextmanager
def s3_double() -> Iterator[S3Double]:
    """An S3 for the time of a block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = parse_qs(address.query, keep_blank_values=True)
            status, headers, length = 200, {}, None
            try:
                authorization = self.headers.get("Authorization", "")
                content = double.answer(self.command, unquote(address.path), query, body, authorization)
                if double.cut and self.command == "GET" and "list-type" not in query:
                    content, length = content[:-1], len(content)
                    self.close_connection = True
            except Refused as refused:
                status, content, headers = refused.status, refused.body, refused.headers
            self.send_response(status)
            for name, value in {"ETag": '"etag"', "Content-Length": str(length or len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    for method in ("GET", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    double = S3Double(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield double
    finally:
        double.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
