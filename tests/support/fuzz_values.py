"""Odd texts, values, paths, queries and headers: what parsers, validators and stores stumble over."""

from __future__ import annotations

from typing import Any

__all__ = ["METHODS", "ODD_HEADERS", "ODD_PATHS", "ODD_QUERIES", "ODD_TEXTS", "ODD_VALUES"]

_DEEP: Any = "deep"
for _ in range(80):
    _DEEP = [_DEEP]

ODD_TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\U0001f511", "e\u0301", "\u202e", "\ufeff", "\r\nx-injected: 1", "*", "?",
    "**/*", "${aws:username}", "../../etc/passwd", "%2e%2e%2f", "%00", "' OR 1=1 --", "{{7*7}}", "arn:",
    "arn:aws:::::", "a:b:c", "arn:aws:secretsmanager:us-east-1:999999999999:secret:x-abcdef",
    "alias/aws/secretsmanager", "true", "null", "-1", "9" * 400, "a" * 513, "x" * 70_000, "NaN",
    "1970-01-01T00:00:00Z", "{}", "[]", '{"Statement":', "\U0010ffff" * 40,
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 1e308, float("nan"), float("inf"), 2**31, -(2**31) - 1, 2**63, 2**64, 10**400,
    [], {}, [None], [[]], {"": ""}, {"a": {"b": {"c": []}}}, _DEEP, ["x"] * 2_000,
)  # fmt: skip
METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "POST")
ODD_PATHS = (
    "/", "//", "/x", "/../", "/%2e%2e/", "/%00", "/health/live", "/health/../", "/2015-03-31/functions/",
    "/2015-03-31/functions/%2F/invocations", "/2015-03-31/functions/a%0d%0ab/policy", "/" + "a" * 4_000,
    "/2017-03-31/tags/arn%3Aaws%3A", "/%ff%fe", "/;a=b", "/2015-03-31//functions",
)  # fmt: skip
ODD_QUERIES = (
    "", "Action=GetCallerIdentity&Version=2011-06-15", "Qualifier=%24LATEST", "Marker=a&Marker=b", "a", "=", "&&&",
    "MaxItems=-1", "MaxItems=99999999999999999999", "MaxItems=x", "%zz=%zz", "%ff", "X-Amz-Signature=00",
    "a=" + "b" * 5_000, "tagKeys=&tagKeys=", "&".join(f"k{number}=v" for number in range(1_100)),
)  # fmt: skip
ODD_HEADERS: tuple[tuple[str, str], ...] = (
    ("content-type", "application/json"), ("content-type", ""), ("content-type", "application/x-amz-json-1.0"),
    ("content-type", "application/x-amz-json-1.1; charset=utf-16"),
    ("content-type", "application/x-www-form-urlencoded"), ("content-type", "multipart/form-data; boundary=x"),
    ("content-type", "text/xml"), ("content-encoding", "gzip"), ("content-encoding", "identity, deflate"),
    ("accept", "application/xml"), ("accept-encoding", "br;q=1, *;q=0"),
    ("x-amz-target", "secretsmanager.GetSecretValue"), ("x-amz-target", "TrentService.Decrypt"),
    ("x-amz-target", "."), ("x-amz-target", "secretsmanager.getsecretvalue"),
    ("x-amz-target", "secretsmanager.__init__"), ("x-amz-target", ""),
    ("x-amz-target", "Secretsmanager.GetSecretValue"), ("x-amz-target", "secretsmanager.GetSecretValue.x"),
    ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), ("x-amz-content-sha256", "0" * 64),
    ("x-amz-content-sha256", "\xff"), ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ("expect", "100-continue"), ("expect", "nonsense"), ("x-amz-invocation-type", "nonsense"),
    ("x-amz-client-context", "%%%"), ("x-amz-log-type", "Tail"), ("x-http-method-override", "DELETE"),
    ("x-forwarded-for", "127.0.0.1"), ("upgrade", "websocket"), ("range", "bytes=0-"), ("user-agent", "\xe9\xff"),
    ("user-agent", "u" * 9_000), ("x-long", "v" * 40_000), ("cookie", "a=b; a=c"), ("if-match", "*"),
    ("x-amz-security-token", "nonsense"), ("x-amz-user-agent", ""), ("date", "yesterday"),
)  # fmt: skip
