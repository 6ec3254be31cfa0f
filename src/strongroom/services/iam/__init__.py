"""IAM: users, groups, access keys, roles, policies, boundaries and tags.

    service            the class that the dispatcher calls; made of
      users, keys, groups, memberships, roles, managed, versions, entities, tagging
      user_permissions, group_permissions, role_permissions
      accounts, details, credential_report    what concerns an account as a whole
      simulation                              the policy simulator; its parts begin with simulation_
      oidc                                    OpenID Connect providers, whose rows are in oidc_records
      absent                                  what AWS has and an installation never has
    permissions        what the operations on policies of users, groups and roles share
    owners             users, groups and roles: finding, authorising, changing
    owner_policies     their inline and attached policies
    policy_records     managed policies and their versions
    documents, tags, paging, calling, problems    shared by the operations
    client             what other services may ask of IAM

What it may touch: the IAM tables, the policy compiler, and the keyring to seal the secrets of access keys. What never
enters: deciding about a request (`policy`; the simulator asks it), and recognising who made one (`identity`).
"""

from strongroom.services.iam.client import IamServiceClient
from strongroom.services.iam.service import Iam

__all__ = ["Iam", "IamServiceClient"]
