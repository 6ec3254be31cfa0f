"""How a key is named in a request: key id, key ARN, alias name or alias ARN.

Source: KMS API Reference, "KeyId" of the operations. A name is compared exactly as written: nothing is folded, decoded
or trimmed, so each name resolves in one way only. A key id and an alias name mean the caller's own account and region;
a key of another account can be named by an ARN only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AwsError
from strongroom.services.kms import failures

__all__ = [
    "KeyReference",
    "alias_arn",
    "check_alias_name",
    "key_arn",
    "local_key_arn",
    "multi_region_key_id",
    "parse_reference",
    "sealing_name",
]

_HEX: Final = "[0-9a-fA-F]"
_KEY_ID: Final = re.compile(f"mrk-{_HEX}{{32}}|{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
_ACCOUNT: Final = re.compile("[0-9]{12}")
_ALIAS: Final = re.compile("alias/[a-zA-Z0-9/_-]+")
_ALIAS_PREFIX: Final = "alias/"
_MULTI_REGION_PREFIX: Final = "mrk-"
_RESERVED_ALIASES: Final = "alias/aws/"


@dataclass(frozen=True, slots=True)
class KeyReference:
    """What a request calls a key, before anything was looked up.

    Args:
        account: The account that would own it.
        region: The region it would be in.
        arn: The ARN that the key, or the alias, would have.
        alias: The alias name with its ``alias/`` prefix, when it is named by an alias.
    """

    account: str
    region: str
    arn: str
    alias: str | None = None

    def not_found(self) -> AwsError:
        """The error to raise when there is no such key or alias."""
        return failures.key_not_found(self.arn) if self.alias is None else failures.alias_not_found(self.arn)


def key_arn(account: str, region: str, key_id: str) -> str:
    """The ARN of a key."""
    return f"arn:aws:kms:{region}:{account}:key/{key_id}"


def alias_arn(account: str, region: str, name: str) -> str:
    """The ARN of an alias; ``name`` has its ``alias/`` prefix."""
    return f"arn:aws:kms:{region}:{account}:{name}"


def parse_reference(key_id: str, account: str, region: str) -> KeyReference:
    """Read what a request calls a key.

    Args:
        key_id: The text of the request.
        account: The caller's account.
        region: The region of the request.

    Raises:
        AwsError: ``NotFoundException``: the text cannot name any key, or names one in another region.
    """
    if key_id.startswith("arn:"):
        return _parse_arn(key_id, region)
    if _ALIAS.fullmatch(key_id):
        return KeyReference(account, region, alias_arn(account, region, key_id), key_id)
    if _KEY_ID.fullmatch(key_id):
        return KeyReference(account, region, key_arn(account, region, key_id))
    raise failures.invalid_key_id(key_id)


def _parse_arn(text: str, region: str) -> KeyReference:
    arn = Arn.parse(text)
    if arn is None or arn.partition != "aws" or arn.service != "kms" or not _ACCOUNT.fullmatch(arn.account):
        raise failures.invalid_key_id(text)
    if arn.region != region:
        raise failures.wrong_region(arn.region)
    if _ALIAS.fullmatch(arn.resource):
        return KeyReference(arn.account, region, text, arn.resource)
    kind, _, key_id = arn.resource.partition("/")
    if kind != "key" or not _KEY_ID.fullmatch(key_id):
        raise failures.invalid_key_id(text)
    return KeyReference(arn.account, region, text)


def multi_region_key_id(uuid: str) -> str:
    """The id of a multi-Region key (KMS Developer Guide, "How multi-Region keys work"): ``mrk-`` and 32 digits."""
    return _MULTI_REGION_PREFIX + uuid.replace("-", "")


def sealing_name(arn: str, key_id: str) -> str:
    """What a key is called in its ciphertexts.

    The keys of one multi-Region key open each other's ciphertexts, so these name no region.

    Args:
        arn: The key's ARN.
        key_id: The key's id.
    """
    if not key_id.startswith(_MULTI_REGION_PREFIX):
        return arn
    parts = arn.split(":", 5)
    parts[3] = ""
    return ":".join(parts)


def local_key_arn(name: str, region: str) -> str | None:
    """The ARN that a key has in a region, from what a ciphertext calls it.

    Args:
        name: The key's name in a ciphertext.
        region: The region of the request.

    Returns:
        None for what is not the name of a key, or names a key of another region.
    """
    arn = Arn.parse(name)
    if arn is not None and not arn.region:
        name = f"arn:{arn.partition}:{arn.service}:{region}:{arn.account}:{arn.resource}"
        if not arn.resource.startswith(f"key/{_MULTI_REGION_PREFIX}"):
            return None
    try:
        reference = parse_reference(name, "", region) if name.startswith("arn:") else None
    except AwsError:
        return None
    return None if reference is None or reference.alias is not None else name


def check_alias_name(name: str) -> None:
    """Refuse an alias name that a caller may not make, change or delete.

    Source: KMS API Reference, "CreateAlias": the prefix ``alias/``, then letters, digits, ``/``, ``_`` and ``-``;
    ``alias/aws/`` is kept for the keys of AWS services.

    Raises:
        AwsError: ``ValidationException``, ``InvalidAliasNameException`` or ``NotAuthorizedException``.
    """
    if not name.startswith(_ALIAS_PREFIX):
        raise failures.validation(
            'Alias must start with the prefix "alias/". Please see '
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if name.startswith(_RESERVED_ALIASES):
        raise AwsError("NotAuthorizedException", "The prefix alias/aws/ is reserved for the keys of AWS services.")
    if ":" in name:
        raise failures.validation(f"{name} contains invalid characters for an alias")
    if not _ALIAS.fullmatch(name):
        raise AwsError("InvalidAliasNameException", f"{name} is not a valid alias name.")
