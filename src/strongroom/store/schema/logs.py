"""Log groups, streams and events."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table

from strongroom.store.schema.columns import metadata, number, sealed, text

__all__ = ["log_events", "log_group_tags", "log_groups", "log_streams"]

log_groups = Table(
    "log_groups",
    metadata,
    text("account", key=True),
    text("region", key=True),
    text("name", key=True),
    number("created_ms"),
    number("retention_days", null=True),
    number("stored_bytes"),  # of sealed messages
)

log_group_tags = Table(
    "log_group_tags",
    metadata,
    text("account", key=True),
    text("region", key=True),
    text("log_group", key=True),
    text("key", key=True),
    text("value"),
    ForeignKeyConstraint(
        ["account", "region", "log_group"],
        ["log_groups.account", "log_groups.region", "log_groups.name"],
        ondelete="CASCADE",
    ),
)

log_streams = Table(
    "log_streams",
    metadata,
    text("account", key=True),
    text("region", key=True),
    text("log_group", key=True),
    text("name", key=True),
    number("created_ms"),
    number("first_event_ms", null=True),
    number("last_event_ms", null=True),
    number("ingested_ms", null=True),  # when the last event came
    ForeignKeyConstraint(
        ["account", "region", "log_group"],
        ["log_groups.account", "log_groups.region", "log_groups.name"],
        ondelete="CASCADE",
    ),
)

log_events = Table(
    "log_events",
    metadata,
    text("account", key=True),
    text("region", key=True),
    text("log_group", key=True),
    text("log_stream", key=True),
    number("sequence", key=True),
    number("timestamp_ms"),
    sealed("message"),
    number("ingested_ms", null=True),  # null when it is the timestamp
)
Index(
    "ix_log_events_group", log_events.c.account, log_events.c.region, log_events.c.log_group, log_events.c.timestamp_ms
)
Index(
    "ix_log_events_stream",
    log_events.c.account,
    log_events.c.region,
    log_events.c.log_group,
    log_events.c.log_stream,
    log_events.c.timestamp_ms,
)
