"""Builds a sink from what the settings say of it."""

from __future__ import annotations

import sys

from strongroom.audit.sinks.descriptors import StreamSink
from strongroom.audit.sinks.file import FileSink
from strongroom.audit.sinks.https import HttpsSink
from strongroom.audit.sinks.sink import Sink
from strongroom.audit.sinks.syslog import SyslogSink
from strongroom.server.sink_settings import FilePlan, SinkPlan, StdoutPlan, SyslogPlan

__all__ = ["make_sink"]


def make_sink(plan: SinkPlan) -> Sink:
    """The sink of a plan; nothing is opened before the first records come."""
    if isinstance(plan, FilePlan):
        return FileSink(plan.path, plan.timeout_seconds)
    if isinstance(plan, StdoutPlan):
        return StreamSink(sys.__stdout__.fileno() if sys.__stdout__ else 1, "standard output", plan.timeout_seconds)
    if isinstance(plan, SyslogPlan):
        return SyslogSink(plan.address, plan.ca_file, plan.timeout_seconds)
    return HttpsSink(plan.url, plan.token_file, plan.ca_file, plan.timeout_seconds)
