"""The schema: every table, written once for both engines.

Conventions, so that no value needs converting on its way to either driver:

- columns are text, whole numbers or bytes; a flag is 0 or 1; an instant is milliseconds since the epoch (``_ms``);
- bytes are always sealed by `keyring`; text and numbers never hold a secret;
- every row belongs to an account, and to a region where its service is regional, directly or through an ARN.
"""

from strongroom.store.schema.awslambda import (
    function_aliases,
    function_codes,
    function_event_configs,
    function_events,
    function_tags,
    function_versions,
    functions,
    layer_codes,
    layer_versions,
    layers,
)
from strongroom.store.schema.columns import metadata
from strongroom.store.schema.iam import (
    iam_access_keys,
    iam_account_aliases,
    iam_attachments,
    iam_credential_reports,
    iam_group_members,
    iam_groups,
    iam_inline_policies,
    iam_policies,
    iam_policy_versions,
    iam_roles,
    iam_tags,
    iam_users,
)
from strongroom.store.schema.installation import epoch, installation
from strongroom.store.schema.kms import kms_aliases, kms_grants, kms_keys, kms_materials, kms_rewraps, kms_tags
from strongroom.store.schema.logs import log_events, log_group_tags, log_groups, log_streams
from strongroom.store.schema.oidc import iam_oidc_providers
from strongroom.store.schema.organization import (
    account_requests,
    accounts,
    organization_tags,
    organizational_units,
    organizations,
    service_control_attachments,
    service_control_policies,
)
from strongroom.store.schema.rds import rds_databases
from strongroom.store.schema.secretsmanager import (
    rotation_events,
    rotations,
    secret_labels,
    secret_replicas,
    secret_versions,
    secrets,
)

__all__ = [
    "account_requests",
    "accounts",
    "epoch",
    "function_aliases",
    "function_codes",
    "function_event_configs",
    "function_events",
    "function_tags",
    "function_versions",
    "functions",
    "iam_access_keys",
    "iam_account_aliases",
    "iam_attachments",
    "iam_credential_reports",
    "iam_group_members",
    "iam_groups",
    "iam_inline_policies",
    "iam_oidc_providers",
    "iam_policies",
    "iam_policy_versions",
    "iam_roles",
    "iam_tags",
    "iam_users",
    "installation",
    "kms_aliases",
    "kms_grants",
    "kms_keys",
    "kms_materials",
    "kms_rewraps",
    "kms_tags",
    "layer_codes",
    "layer_versions",
    "layers",
    "log_events",
    "log_group_tags",
    "log_groups",
    "log_streams",
    "metadata",
    "organization_tags",
    "organizational_units",
    "organizations",
    "rds_databases",
    "rotation_events",
    "rotations",
    "secret_labels",
    "secret_replicas",
    "secret_versions",
    "secrets",
    "service_control_attachments",
    "service_control_policies",
]
