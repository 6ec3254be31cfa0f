"""Sinks: further places that get every record of the trail, as the host's settings say and no API can.

    sink      what a sink does, and how it fails
    descriptors, file, syslog, https    the kinds
    cursor    how far a sink has got, kept beside the trail
    feeding   reads the trail and gives it to one sink, in a thread of its own
    desk      where the other processes of the host ask whether the sinks have recorded
    gate      how they ask

The chained file is always there and always first; sinks are fed from it, in order and at least once. One process of a
host, the background worker, feeds them all. A sink that is ``required`` holds back answers until it has recorded too.
"""

from strongroom.audit.sinks.desk import SinkDesk
from strongroom.audit.sinks.feeding import Feeder
from strongroom.audit.sinks.gate import SinkGate, SinkState, TrailState

__all__ = ["Feeder", "SinkDesk", "SinkGate", "SinkState", "TrailState"]
