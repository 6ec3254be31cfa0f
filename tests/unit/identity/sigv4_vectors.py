"""The published Signature Version 4 test suite, as data.

Every vector signs with the same credential, moment and scope; they differ in the request. ``signature`` is the
published one. Requests are given as they go over the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TIMESTAMP = "20150830T123600Z"
DATE = "20150830"
REGION = "us-east-1"
SERVICE = "service"
NOW_MS = 1_440_938_160_000
"""`TIMESTAMP` in milliseconds since the epoch."""

HOST = (b"host", b"example.amazonaws.com")
MOMENT = (b"x-amz-date", TIMESTAMP.encode())
FORM = (b"content-type", b"application/x-www-form-urlencoded")
FORM_UTF8 = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")
FORM_LENGTH = (b"content-length", b"13")
FORM_HASH = (b"x-amz-content-sha256", b"9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e")
STS_TOKEN = (
    b"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    b"mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    b"+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
UNRESERVED = b"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


@dataclass(frozen=True, slots=True)
class Vector:
    """One request of the suite with its published signature."""

    name: str
    signature: str
    method: str = "GET"
    path: bytes = b"/"
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = (HOST, MOMENT)
    signed_headers: bytes = b"host;x-amz-date"
    body: bytes = b""


def _custom(*values: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (HOST, *((b"my-header1", value) for value in values), MOMENT)


_WITH_CUSTOM = b"host;my-header1;x-amz-date"
_FORM_NAMES = b"content-length;content-type;host;x-amz-content-sha256;x-amz-date"

VECTORS = (
    Vector("get-vanilla", VANILLA),
    Vector("get-vanilla-query", VANILLA),
    Vector(
        "get-header-key-duplicate",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        headers=_custom(b"value2", b"value2", b"value1"),
        signed_headers=_WITH_CUSTOM,
    ),
    Vector(
        "get-header-value-multiline",
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
        headers=_custom(b"value1", b"value2", b"value3"),  # folded lines (RFC 9112 forbids them) count as values
        signed_headers=_WITH_CUSTOM,
    ),
    Vector(
        "get-header-value-order",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        headers=_custom(b"value4", b"value1", b"value3", b"value2"),
        signed_headers=_WITH_CUSTOM,
    ),
    Vector(
        "get-header-value-trim",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        headers=(HOST, (b"my-header1", b" value1"), (b"my-header2", b' "a   b   c"'), MOMENT),
        signed_headers=b"host;my-header1;my-header2;x-amz-date",
    ),
    Vector("normalize-path/get-relative", VANILLA, path=b"/example/.."),
    Vector("normalize-path/get-relative-relative", VANILLA, path=b"/example1/example2/../.."),
    Vector("normalize-path/get-slash", VANILLA, path=b"//"),
    Vector("normalize-path/get-slash-dot-slash", VANILLA, path=b"/./"),
    Vector(
        "normalize-path/get-slash-pointless-dot",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        path=b"/./example",
    ),
    Vector(
        "normalize-path/get-slashes",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        path=b"//example//",
    ),
    Vector(
        "normalize-path/get-space",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        path=b"/example space/",
    ),
    Vector(
        "get-unreserved",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        path=b"/" + UNRESERVED,
    ),
    Vector(
        "get-utf8",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        path="/ሴ".encode(),
    ),
    Vector(
        "get-vanilla-empty-query-key",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        query=b"Param1=value1",
    ),
    Vector(
        "get-vanilla-query-order-encoded",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        query=b"Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
    ),
    Vector(
        "get-vanilla-query-order-key-case",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        query=b"Param2=value2&Param1=value1",
    ),
    Vector(
        "get-vanilla-query-unreserved",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        query=UNRESERVED + b"=" + UNRESERVED,
    ),
    Vector(
        "get-vanilla-utf8-query",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        query="ሴ=bar".encode(),
    ),
    Vector(
        "get-vanilla-with-session-token",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        headers=(
            HOST,
            MOMENT,
            (b"x-amz-security-token", b"6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"),
        ),
        signed_headers=b"host;x-amz-date;x-amz-security-token",
    ),
    Vector(
        "post-vanilla",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        method="POST",
    ),
    Vector(
        "post-header-key-sort",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        method="POST",
        headers=_custom(b"value1"),
        signed_headers=_WITH_CUSTOM,
    ),
    Vector(
        "post-sts-token/post-sts-header-after",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        method="POST",
    ),
    Vector(
        "post-sts-token/post-sts-header-before",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        method="POST",
        headers=(HOST, (b"x-amz-security-token", STS_TOKEN), MOMENT),
        signed_headers=b"host;x-amz-date;x-amz-security-token",
    ),
    Vector(
        "post-vanilla-query",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        method="POST",
        query=b"Param1=value1",
    ),
    Vector(
        "post-x-www-form-urlencoded",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        method="POST",
        headers=(FORM, HOST, FORM_LENGTH, FORM_HASH, MOMENT),
        signed_headers=_FORM_NAMES,
        body=b"Param1=value1",
    ),
    Vector(
        "post-x-www-form-urlencoded-parameters",
        "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        method="POST",
        headers=(FORM_UTF8, HOST, FORM_LENGTH, FORM_HASH, MOMENT),
        signed_headers=_FORM_NAMES,
        body=b"Param1=value1",
    ),
    Vector(
        "post-x-www-form-urlencoded (2015 edition, fewer signed headers)",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        method="POST",
        headers=(FORM, HOST, MOMENT),
        signed_headers=b"content-type;host;x-amz-date",
        body=b"Param1=value1",
    ),
)
