"""KMS's errors, with its codes and texts.

Sources: the error shapes of the KMS service model, and the texts that clients and the KMS API Reference show. Texts
name keys and aliases, never a ciphertext or a plaintext.
"""

from __future__ import annotations

from strongroom.errors import AwsError

__all__ = [
    "alias_exists",
    "alias_not_found",
    "disabled",
    "dry_run",
    "incorrect_key",
    "invalid_ciphertext",
    "invalid_key_id",
    "invalid_state",
    "key_not_found",
    "limit_exceeded",
    "malformed_policy",
    "no_such_policy",
    "unsupported",
    "validation",
    "wrong_algorithm",
    "wrong_region",
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


def wrong_algorithm(algorithm: str) -> AwsError:
    """The encryption algorithm is not one of a symmetric key."""
    return AwsError(
        "InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec SYMMETRIC_DEFAULT."
    )


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
        f"{what} is not supported: Strongroom has only symmetric encryption keys of its own making.",
    )


def validation(text: str) -> AwsError:
    """The parameters do not go together."""
    return AwsError("ValidationException", text)
