"""A tiny S3: the operations that backups use, in memory, behind a real HTTP port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

__all__ = ["S3Double", "s3_double"]


@dataclass
class S3Double:
    """What it holds.

    Attributes:
        endpoint: Its URL.
        objects: Contents by ``/bucket/key``.
        uploads: Parts by upload id, of uploads that are under way.
    """

    endpoint: str
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)


def _answer(s3: S3Double, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes]:
    upload = query.get("uploadId", [""])[0]
    match method:
        case "POST" if "uploads" in query:
            name = f"upload-{len(s3.uploads)}"
            s3.uploads[name] = {}
            return (
                200,
                f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>".encode(),
            )
        case "PUT" if upload:
            s3.uploads[upload][int(query["partNumber"][0])] = body
            return 200, b""
        case "POST" if upload:
            s3.objects[path] = b"".join(part for _, part in sorted(s3.uploads.pop(upload).items()))
            return 200, b"<CompleteMultipartUploadResult/>"
        case "DELETE":
            (s3.uploads if upload else s3.objects).pop(upload or path, None)
            return 204, b""
        case "GET" if "list-type" in query:
            start = f"{path.rstrip('/')}/{query.get('prefix', [''])[0]}"
            found = [(key, content) for key, content in s3.objects.items() if key.startswith(start)]
            entries = "".join(
                f"<Contents><Key>{escape(key.split('/', 2)[2])}</Key><Size>{len(content)}</Size></Contents>"
                for key, content in found
            )
            return 200, f"<ListBucketResult>{entries}</ListBucketResult>".encode()
        case "GET" if path in s3.objects:
            return 200, s3.objects[path]
    return 404, b"<Error><Code>NoSuchKey</Code><Message>There is none.</Message></Error>"


@contextmanager
def s3_double() -> Iterator[S3Double]:
    """An S3 for the time of a block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = parse_qs(address.query, keep_blank_values=True)
            status, content = _answer(double, self.command, unquote(address.path), query, body)
            self.send_response(status)
            self.send_header("ETag", '"etag"')
            self.send_header("Content-Length", str(len(content)))
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
        server.shutdown()
        thread.join()
        server.server_close()
