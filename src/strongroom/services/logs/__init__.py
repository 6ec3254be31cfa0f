"""CloudWatch Logs: groups, streams and events, which functions and whoever may put events write, and people read.

What lives here: the operations of the API, one module per group (`group_operations`, `stream_operations`, `putting`,
`reading`, `tagging`); the rows they keep (``*_records``); filter patterns (`patterns`); what stores the output of
functions (`writer`); and the end of old events (`maintenance`).

What it may touch: policy, keyring and store below it. What never enters: HTTP, another service's code, and a message in
clear on its way to the store.
"""

from strongroom.services.logs.maintenance import LogMaintenance
from strongroom.services.logs.service import Logs
from strongroom.services.logs.writer import LogWriter

__all__ = ["LogMaintenance", "LogWriter", "Logs"]
