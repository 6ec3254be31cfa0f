"""IAM: users, access keys, roles, policies, boundaries and tags.

    service            the class that the dispatcher calls; made of
      users, keys, roles, managed, versions, tagging, user_permissions, role_permissions
    permissions        what the last two share
    owners             users and roles: finding, authorising, changing
    policy_records     managed policies and their versions
    documents, tags, paging, calling, problems    shared by the operations
    client             what other services may ask of IAM

What it may touch: the IAM tables, the policy compiler, and the keyring to seal the secrets of access keys. What never
enters: deciding about a request (`policy`), and recognising who made it (`identity`).
"""

from strongroom.services.iam.client import IamServiceClient
from strongroom.services.iam.service import Iam

__all__ = ["Iam", "IamServiceClient"]
