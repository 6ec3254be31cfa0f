"""Organizations: the accounts of this installation, the units they stand in, and the policies that hold them.

    service      every operation in one class
    base         what each group of operations stands on: who may call, and on what
    directory    the rows of accounts, units and requests, read and changed
    policy_records, tag_records   the rows of policies, attachments and tags
    shapes       the model's shapes
    creation     making accounts             accounts     showing, moving and closing them
    units        organizational units        tree         the root, parents and children
    policies     service control policies    attachments  what they are attached to
    tagging      tags
    client       which accounts there are, for other services

One organization exists from the first start on; the installation's own account manages it. What it may touch: its own
tables, and IAM through its client for the role in a new account. What never enters: deciding by these policies, which
`identity` and `policy` do.
"""

from strongroom.services.organizations.client import OrganizationServiceClient
from strongroom.services.organizations.service import Organizations

__all__ = ["OrganizationServiceClient", "Organizations"]
