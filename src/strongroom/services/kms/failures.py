"""KMS's errors, with its codes and texts.

Sources: the error shapes of the KMS service model, and the texts that clients and the KMS API Reference show. Texts
name keys and aliases, never a ciphertext or a plaintext.
"""

from __future__ import annotations

from strongroom.errors import AwsError

__all__ = [
    "alias_exists",
    "alias_not_found",
    "conflict",
    "disabled",
    "dry_run",
    "expired_import_token",
    "grant_not_found",
    "incorrect_key",
    "incorrect_material",
    "invalid_ciphertext",
    "invalid_grant_id",
    "invalid_grant_token",
    "invalid_import_token",
    "invalid_key_id",
    "invalid_mac",
    "invalid_marker",
    "invalid_principal",
    "invalid_state",
    "key_exists",
    "key_not_found",
    "limit_exceeded",
    "malformed_policy",
    "material_not_found",
    "no_key_store",
    "no_material_waits",
    "no_such_policy",
    "unsuitable",
    "unsupported",
    "validation",
    "wrong_algorithm",
    "wrong_region",
    "wrong_usage",
]


def key_not_found(arn: str) -> AwsError:
    """No key has this ARN."""
    return AwsError("NotFoundException", f"Key '{arn}' does not exist")


def alias_not_found(arn: str) -> AwsError:
    """No alias has this ARN."""
    return AwsError("NotFoundException", f"Alias {arn} is not found.")


def invalid_key_id(key_id: str) -> AwsError:
    """The text is not one that the operation takes for a key."""
    return AwsError("NotFoundException", f"Invalid keyId '{key_id}'")


def wrong_region(region: str) -> AwsError:
    """The ARN belongs to another region than the request."""
    return AwsError("NotFoundException", f"Invalid arn {region}")


def disabled(arn: str) -> AwsError:
    """The key is disabled, so it neither encrypts nor decrypts."""
    return AwsError("DisabledException", f"{arn} is disabled.")


def invalid_state(arn: str, state: str) -> AwsError:
    """The key's state forbids the operation.

    Args:
        arn: The key.
        state: How the text goes on after "is", such as ``pending deletion``.
    """
    return AwsError("KMSInvalidStateException", f"{arn} is {state}.")


def no_material_waits(arn: str) -> AwsError:
    """There is no imported material that a rotation could make current."""
    return AwsError("KMSInvalidStateException", f"{arn} has no key material that is pending rotation.")


def invalid_ciphertext() -> AwsError:
    """The ciphertext does not open. KMS says nothing more, so that nobody learns why."""
    return AwsError("InvalidCiphertextException", "")


def incorrect_key() -> AwsError:
    """The ciphertext was made under another key than the request names."""
    return AwsError(
        "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."
    )


def dry_run() -> AwsError:
    """Everything was checked and nothing was done, as the caller asked."""
    return AwsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def wrong_algorithm(algorithm: str, key_spec: str) -> AwsError:
    """The algorithm is not one of a key of this kind."""
    return AwsError("InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {key_spec}.")


def wrong_usage(arn: str, usage: str, operation: str) -> AwsError:
    """The key was made for something else than the operation."""
    return AwsError("InvalidKeyUsageException", f"{arn} key usage is {usage} which is not valid for {operation}.")


def invalid_mac() -> AwsError:
    """The message authentication code is not that of the message. KMS says nothing more."""
    return AwsError("KMSInvalidMacException", "")


def alias_exists(arn: str) -> AwsError:
    """The alias name is taken."""
    return AwsError("AlreadyExistsException", f"An alias with the name {arn} already exists")


def no_such_policy() -> AwsError:
    """A key has one policy, named ``default``."""
    return AwsError("NotFoundException", "No such policy exists")


def malformed_policy(reason: str) -> AwsError:
    """The key policy cannot be used."""
    return AwsError("MalformedPolicyDocumentException", reason)


def limit_exceeded(text: str) -> AwsError:
    """A quota of KMS is used up."""
    return AwsError("LimitExceededException", text)


def unsupported(what: str) -> AwsError:
    """KMS has it and Strongroom does not.

    Args:
        what: The parameter and its value.
    """
    return AwsError(
        "UnsupportedOperationException",
        f"{what} is not supported: Strongroom has symmetric keys, whose material it keeps itself, and no others.",
    )


def unsuitable(arn: str, property_name: str, value: str) -> AwsError:
    """The operation is not one for such a key.

    Args:
        arn: The key.
        property_name: What makes it unsuitable, in KMS's words, such as ``origin``.
        value: What that is, such as ``EXTERNAL``.
    """
    return AwsError(
        "UnsupportedOperationException", f"{arn} {property_name} is {value} which is not valid for this operation."
    )


def no_key_store(key_store: str) -> AwsError:
    """There are no custom key stores here, so there is none of this id."""
    return AwsError(
        "CustomKeyStoreNotFoundException",
        f"The custom key store {key_store} does not exist: Strongroom has no custom key stores.",
    )


def key_exists(arn: str) -> AwsError:
    """The multi-Region key has a key in this region already."""
    return AwsError("AlreadyExistsException", f"Replica key {arn} already exists.")


def conflict(arn: str) -> AwsError:
    """An automatic rotation is about to begin."""
    return AwsError(
        "ConflictException",
        f"An automatic rotation of {arn} is in progress or scheduled to begin within the next 20 minutes.",
    )


def invalid_principal(name: str) -> AwsError:
    """A grant names someone who does not exist."""
    return AwsError("InvalidArnException", f"ARN does not refer to a valid principal: {name}")


def grant_not_found(grant_id: str) -> AwsError:
    """The key has no grant of this id."""
    return AwsError("NotFoundException", f"Grant ID {grant_id} not found")


def invalid_grant_id(grant_id: str) -> AwsError:
    """The text cannot be the id of a grant."""
    return AwsError("InvalidGrantIdException", f"Invalid grant ID: {grant_id}")


def invalid_grant_token() -> AwsError:
    """The text is not a grant token of this installation."""
    return AwsError("InvalidGrantTokenException", "The grant token is not valid.")


def invalid_marker() -> AwsError:
    """The marker is not one that a list of this kind has given."""
    return AwsError("InvalidMarkerException", "The marker is not valid.")


def invalid_import_token(arn: str) -> AwsError:
    """The import token is not one of this key."""
    return AwsError("InvalidImportTokenException", f"The import token is not valid for {arn}.")


def expired_import_token() -> AwsError:
    """The import token was given more than a day ago."""
    return AwsError("ExpiredImportTokenException", "The import token is expired.")


def material_not_found(material_id: str) -> AwsError:
    """The key has no material of this id."""
    return AwsError("NotFoundException", f"Key material '{material_id}' does not exist")


def incorrect_material(reason: str) -> AwsError:
    """The key material that came is not what the key can take."""
    return AwsError("IncorrectKeyMaterialException", reason)


def validation(text: str) -> AwsError:
    """The parameters do not go together."""
    return AwsError("ValidationException", text)
