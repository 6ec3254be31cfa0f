"""What a request says about the master credential, and which combinations RDS refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from strongroom.services.rds import failures
from strongroom.services.rds.passwords import require_password
from strongroom.services.rds.records import Database

__all__ = ["MasterRequest", "number", "text"]


def text(parameters: Mapping[str, object], name: str) -> str | None:
    """A parameter that is a text; None when it is absent or empty, as Query clients send what they leave out."""
    value = parameters.get(name)
    return value if isinstance(value, str) and value else None


def number(parameters: Mapping[str, object], name: str) -> int | None:
    """A parameter that is a number."""
    value = parameters.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class MasterRequest:
    """The members of Create and Modify that concern the master credential.

    Attributes:
        password: MasterUserPassword.
        manage: ManageMasterUserPassword; None when the request does not say.
        kms_key_id: MasterUserSecretKmsKeyId.
        rotate: RotateMasterUserPassword.
        at_once: ApplyImmediately.
    """

    password: str | None = field(repr=False)
    manage: bool | None
    kms_key_id: str | None
    rotate: bool
    at_once: bool

    @classmethod
    def of(cls, parameters: Mapping[str, object]) -> MasterRequest:
        """Read them from the parameters of a call, and refuse what never goes together.

        Raises:
            AwsError: ``InvalidParameterValue`` or ``InvalidParameterCombination``.
        """
        manage = parameters.get("ManageMasterUserPassword")
        found = cls(
            password=text(parameters, "MasterUserPassword"),
            manage=manage if isinstance(manage, bool) else None,
            kms_key_id=text(parameters, "MasterUserSecretKmsKeyId"),
            rotate=parameters.get("RotateMasterUserPassword") is True,
            at_once=parameters.get("ApplyImmediately") is True,
        )
        if found.manage and found.password is not None:
            raise _password_of_managed()
        if found.kms_key_id is not None and not found.manage:
            raise failures.invalid_value(
                "A ManageMasterUserPassword value is required when MasterUserSecretKmsKeyId is specified."
            )
        if found.rotate and not found.at_once:
            raise failures.invalid_combination(
                "You must apply the change immediately when rotating the master user password."
            )
        return found

    @property
    def concerns_password(self) -> bool:
        """Whether it changes anything about the credential."""
        return self.password is not None or self.manage is not None or self.rotate

    def check(self, database: Database) -> None:
        """Refuse what a database as it is cannot have done to it by ModifyDBInstance or ModifyDBCluster.

        Raises:
            AwsError: ``InvalidParameterValue``, ``InvalidParameterCombination``, or that its state forbids it.
        """
        kind = database.of_kind
        if self.concerns_password and database.master_username is None:
            raise failures.invalid_combination(
                "The DB instance is a member of a DB cluster. Modify the master user password of the DB cluster."
            )
        managed = database.secret_arn is not None
        if self.password is not None:
            require_password(database.engine, self.password)
            if managed and self.manage is not False:
                raise _password_of_managed()
        elif self.manage is False and managed:
            raise failures.invalid_combination(
                "MasterUserPassword must be provided when ManageMasterUserPassword is set to false."
            )
        if self.rotate and not managed:
            raise failures.invalid_combination(
                f"You can't rotate the master user password of {kind.member} {database.identifier}, because "
                "ManageMasterUserPassword isn't enabled."
            )
        if self.kms_key_id is not None and managed:
            raise failures.invalid_combination(
                "You can't change the KMS key of a secret for an instance with ManageMasterUserPassword enabled."
            )


def _password_of_managed() -> Exception:
    return failures.invalid_value(
        "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled."
    )
