"""The audit room: what happened, written down before the answer leaves.

Here live the trail (one append-only, hash-chained sequence of files per host, shared by all processes), its signed
checkpoints, its sinks, the builders of CloudTrail records, the allow-lists that decide what may be recorded, and the
tools that verify and read a trail. The room touches its own folder and the sinks that the host's settings name, and
knows only `strongroom.errors` and `strongroom.world`. A secret value, key, password or token never enters: there is no
way in but through an allow-list.
"""

from strongroom.audit.checkpoints import Checkpoint, Checkpoints
from strongroom.audit.events import RepeatedEvent, api_event, resource, service_event
from strongroom.audit.parameters import Operation, operation
from strongroom.audit.read import EventFilter, Record, read_records
from strongroom.audit.trail import Trail
from strongroom.audit.unavailable import AuditUnavailable
from strongroom.audit.verify import Problem, VerificationReport, verify, verify_files

__all__ = [
    "AuditUnavailable",
    "Checkpoint",
    "Checkpoints",
    "EventFilter",
    "Operation",
    "Problem",
    "Record",
    "RepeatedEvent",
    "Trail",
    "VerificationReport",
    "api_event",
    "operation",
    "read_records",
    "resource",
    "service_event",
    "verify",
    "verify_files",
]
