"""Functions, their code, versions, aliases and layers."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint

from strongroom.store.schema.columns import metadata, number, sealed, text

__all__ = [
    "function_aliases",
    "function_codes",
    "function_event_configs",
    "function_events",
    "function_tags",
    "function_versions",
    "functions",
    "layer_codes",
    "layer_versions",
    "layers",
]

functions = Table(
    "functions",
    metadata,
    text("arn", key=True),
    text("account"),
    text("region"),
    text("name"),
    text("description"),
    text("runtime"),
    text("handler"),
    text("role_arn"),
    number("timeout_seconds"),
    number("memory_megabytes"),
    sealed("environment", null=True),
    text("kms_key_arn", null=True),
    text("code_sha256"),
    number("code_bytes"),
    text("revision_id"),
    text("policy_revision_id", null=True),
    text("policy", null=True),
    number("modified_ms"),
    text("environment_key", null=True),  # the KMS key that sealed the environment; null before there was one
    text("layers", null=True),  # a JSON array of [ARN of a layer version, SHA-256, bytes]
    number("temporary_megabytes", null=True),  # the size of /tmp; null is Lambda's default
    number("last_version", null=True),  # the last number that was given to a published version
    number("reserved_concurrency", null=True),
    UniqueConstraint("account", "region", "name"),
)

function_versions = Table(
    "function_versions",
    metadata,
    text("function_arn", key=True),
    number("version", key=True),
    text("description"),
    text("runtime"),
    text("handler"),
    text("role_arn"),
    number("timeout_seconds"),
    number("memory_megabytes"),
    sealed("environment", null=True),
    text("kms_key_arn", null=True),
    text("code_sha256"),
    number("code_bytes"),
    text("revision_id"),
    text("policy_revision_id", null=True),
    text("policy", null=True),
    number("modified_ms"),
    text("environment_key", null=True),
    text("layers", null=True),
    number("temporary_megabytes", null=True),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)

function_aliases = Table(
    "function_aliases",
    metadata,
    text("function_arn", key=True),
    text("name", key=True),
    text("description"),
    text("version"),  # a number, or $LATEST
    text("weights", null=True),  # a JSON object of version and the share of invocations that it gets
    text("revision_id"),
    text("policy_revision_id", null=True),
    text("policy", null=True),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)

function_event_configs = Table(
    "function_event_configs",
    metadata,
    text("function_arn", key=True),
    text("qualifier", key=True),  # $LATEST when the request named none
    number("retries", null=True),
    number("longest_age_seconds", null=True),
    text("on_success", null=True),  # the ARN of a function
    text("on_failure", null=True),
    number("modified_ms"),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)

function_events = Table(
    "function_events",
    metadata,
    text("id", key=True),  # the request id of the invocation
    text("account"),
    text("region"),
    text("function_arn"),
    text("qualifier", null=True),
    sealed("event"),  # what the function is given
    number("attempt"),  # how often the function has failed on it
    number("throttled"),  # how often in a row there was no room for it
    number("accepted_ms"),
    number("due_ms"),
    text("lease_owner", null=True),
    number("lease_ends_ms"),
)
Index("ix_function_events_due_ms", function_events.c.due_ms)

layers = Table(
    "layers",
    metadata,
    text("arn", key=True),
    text("account"),
    text("region"),
    text("name"),
    number("last_version"),  # numbers are never given again
    UniqueConstraint("account", "region", "name"),
)

layer_versions = Table(
    "layer_versions",
    metadata,
    text("layer_arn", key=True),
    number("version", key=True),
    text("description"),
    text("license"),
    text("runtimes"),  # a JSON array
    text("architectures"),  # a JSON array
    text("code_sha256"),
    number("code_bytes"),
    text("policy_revision_id", null=True),
    text("policy", null=True),
    number("created_ms"),
    number("deleted_ms", null=True),  # kept for as long as a function uses it
    ForeignKeyConstraint(["layer_arn"], ["layers.arn"], ondelete="CASCADE"),
)

layer_codes = Table(
    "layer_codes",
    metadata,
    text("layer_arn", key=True),
    number("version", key=True),
    sealed("archive"),
    ForeignKeyConstraint(
        ["layer_arn", "version"], ["layer_versions.layer_arn", "layer_versions.version"], ondelete="CASCADE"
    ),
)

function_codes = Table(
    "function_codes",
    metadata,
    text("function_arn", key=True),
    text("code_sha256", key=True),
    sealed("archive"),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)

function_tags = Table(
    "function_tags",
    metadata,
    text("function_arn", key=True),
    text("key", key=True),
    text("value"),
    ForeignKeyConstraint(["function_arn"], ["functions.arn"], ondelete="CASCADE"),
)
