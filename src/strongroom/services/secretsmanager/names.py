"""Names, ARNs and what a SecretId may be.

A SecretId is a name, a full ARN, or an ARN without the suffix of six characters (a partial ARN). Its text alone decides
which, so that one spelling has one meaning: nothing is folded, trimmed, decoded or normalised.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from strongroom.world import Entropy

__all__ = ["MANAGED_MARK", "SecretReference", "is_valid_name", "new_secret_arn", "parse_secret_id", "would_be_arn"]

MANAGED_MARK: Final = "!"
"""What stands between the id of an owning service and the rest of a managed secret's name."""

_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_ARN: Final = re.compile(r"arn:aws:secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:([A-Za-z0-9/_+=.@!-]+)")
_SUFFIX: Final = re.compile(r".+-[A-Za-z0-9]{6}", re.DOTALL)
_SUFFIX_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SUFFIX_LENGTH: Final = 6


class SecretReference(NamedTuple):
    """How to look a secret up.

    Attributes:
        arn: The full ARN to look for; empty when the secret is looked for by account, region and name.
        account: The account that owns it.
        region: The region it lives in.
        name: The name to look for, when ``arn`` is empty.
    """

    arn: str
    account: str
    region: str
    name: str


def is_valid_name(name: str) -> bool:
    """Whether a secret can have this name: 1 to 512 ASCII letters, digits and ``/_+=.@!-``."""
    return _NAME.fullmatch(name) is not None


@lru_cache(maxsize=1024)
def parse_secret_id(secret_id: str, account: str, region: str) -> SecretReference | None:
    """What a SecretId refers to for a caller of ``account`` in ``region``; None when no secret can have it.

    An ARN that ends like a suffix is taken as a full one. So a secret whose own name ends in a hyphen and six
    characters cannot be found by its partial ARN, as on AWS.
    """
    if not secret_id.startswith("arn:"):
        return SecretReference("", account, region, secret_id) if is_valid_name(secret_id) else None
    match = _ARN.fullmatch(secret_id)
    # A request acts in one region: an ARN of another one is not found.
    if match is None or match[1] != region:
        return None
    arn = secret_id if _SUFFIX.fullmatch(match[3]) else ""
    return SecretReference(arn, match[2], match[1], match[3])


def would_be_arn(secret_id: str, account: str, region: str) -> str:
    """The ARN on which a call for a secret that does not exist is decided."""
    if secret_id.startswith("arn:"):
        return secret_id
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{secret_id}"


def new_secret_arn(name: str, account: str, region: str, entropy: Entropy) -> str:
    """The ARN of a new secret: its name, a hyphen and six random letters or digits."""
    suffix = "".join(_SUFFIX_ALPHABET[entropy.below(len(_SUFFIX_ALPHABET))] for _ in range(_SUFFIX_LENGTH))
    return f"{would_be_arn(name, account, region)}-{suffix}"
