"""What an AWS account can have and an installation never has: passwords, MFA devices, certificates, instance profiles.

Tools ask for these before they delete a user or a role, and when they take stock of an account. The answers are true:
there are none. What would make one is not offered.
"""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.calling import named_user
from strongroom.services.iam.owners import authorized_role
from strongroom.services.iam.problems import no_such_entity
from strongroom.store import Transaction

__all__ = ["AbsentOperations"]


class AbsentOperations(Operations):
    """The list operations of what there is none of, and the login profile and password policy that do not exist."""

    async def list_instance_profiles(
        self, call: Call, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's instance profiles: none."""
        call.authorize("iam:ListInstanceProfiles", f"arn:aws:iam::{call.account}:instance-profile{PathPrefix}")
        return {"InstanceProfiles": [], "IsTruncated": False}

    async def list_instance_profiles_for_role(
        self, call: Call, *, RoleName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The instance profiles of a role: none. Tools ask before they delete a role."""

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_role(transaction, call, RoleName)
            return {"InstanceProfiles": [], "IsTruncated": False}

        return await call.read(work)

    async def list_mfa_devices(
        self, call: Call, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The MFA devices of a user: none."""
        return await _none_of_user(call, UserName, "MFADevices")

    async def list_virtual_mfa_devices(
        self, call: Call, *, AssignmentStatus: str = "Any", Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's virtual MFA devices: none."""
        call.authorize("iam:ListVirtualMFADevices", f"arn:aws:iam::{call.account}:mfa/")
        return {"VirtualMFADevices": [], "IsTruncated": False}

    async def list_signing_certificates(
        self, call: Call, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The signing certificates of a user: none."""
        return await _none_of_user(call, UserName, "Certificates")

    async def list_ssh_public_keys(
        self, call: Call, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The SSH keys of a user: none."""
        return await _none_of_user(call, UserName, "SSHPublicKeys")

    async def list_service_specific_credentials(
        self,
        call: Call,
        *,
        UserName: str | None = None,
        ServiceName: str | None = None,
        AllUsers: bool = False,
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """Credentials that work for one service alone, of a user or of all users: none."""
        if AllUsers:
            call.authorize("iam:ListServiceSpecificCredentials", "*")
            return {"ServiceSpecificCredentials": [], "IsTruncated": False}
        return await _none_of_user(call, UserName, "ServiceSpecificCredentials")

    async def list_server_certificates(
        self, call: Call, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's server certificates: none."""
        call.authorize("iam:ListServerCertificates", f"arn:aws:iam::{call.account}:server-certificate{PathPrefix}")
        return {"ServerCertificateMetadataList": [], "IsTruncated": False}

    async def list_saml_providers(self, call: Call) -> dict[str, object]:
        """The account's SAML providers: none."""
        call.authorize("iam:ListSAMLProviders", "*")
        return {"SAMLProviderList": []}

    async def get_login_profile(self, call: Call, *, UserName: str | None = None) -> dict[str, object]:
        """The password of a user, of which there is none.

        Raises:
            AwsError: ``NoSuchEntity``, once the caller may ask and there is such a user.
        """
        return await _no_login_profile(call, UserName)

    async def delete_login_profile(self, call: Call, *, UserName: str | None = None) -> dict[str, object]:
        """Take a user's password away, of which there is none. Terraform tries before it deletes a user.

        Raises:
            AwsError: ``NoSuchEntity``, once the caller may do so and there is such a user.
        """
        return await _no_login_profile(call, UserName)

    async def get_account_password_policy(self, call: Call) -> dict[str, object]:
        """The account's password policy, of which there is none.

        Raises:
            AwsError: ``NoSuchEntity``, once the caller may ask.
        """
        call.authorize("iam:GetAccountPasswordPolicy", "*")
        raise no_such_entity(f"The Password Policy with domain name {call.account} cannot be found.")


async def _none_of_user(call: Call, name: str | None, member: str) -> dict[str, object]:
    def work(transaction: Transaction) -> dict[str, object]:
        named_user(transaction, call, name)
        return {member: [], "IsTruncated": False}

    return await call.read(work)


async def _no_login_profile(call: Call, name: str | None) -> dict[str, object]:
    def work(transaction: Transaction) -> dict[str, object]:
        user = named_user(transaction, call, name)
        raise no_such_entity(f"Login Profile for User {user.name} cannot be found.")

    return await call.read(work)
