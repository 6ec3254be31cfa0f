"""Lambda: functions, their code and policies, and calling them.

What lives here: the operations of the Lambda API, one module per group (`creation`, `functions`, `invocation`,
`permissions`, `tags`); the rows they keep (`records`, `log_records`); the client for other services (`client`); and the
two ends of running a function: `host`, which owns the function processes in the background worker, and `remote`,
through which request workers reach it. The processes themselves are in `runtime`.

What it may touch: identity, policy, keyring and store below it, IAM through its client, and in `host` and `remote` the
runtime and one Unix socket. What never enters: HTTP, another service's code, and code, variables or log lines in clear
on their way to the store.
"""

from strongroom.services.awslambda.client import LambdaServiceClient
from strongroom.services.awslambda.service import Lambda

__all__ = ["Lambda", "LambdaServiceClient"]
