"""Secrets Manager: the service that the product is for.

Here live its operations, in groups (`reading`, `writing`, `labelling`, `rotating` and so on, put together by
`service`), the rows they work on (`records`, `versions`, `rotations`), and the way in that all of them share
(`access`). The room touches store, policy, keyring and audit below it, and reaches KMS and Lambda through the clients
of `strongroom.services.clients`. The wire, signatures and other services' rows never enter; a secret value is never in
a text that is logged, raised or recorded.

    access        find a secret, ask for a decision     names        names, ARNs, SecretIds
    values        seal and open values through KMS      schedule     the grammar of rotation schedules
    filters       the filters of lists                  paging       NextToken
    passwords     random passwords                      java_order   the order of labels
    access_dates  LastAccessedDate                      refusals     AWS's errors
    maintenance   the end of recovery windows           service_events  what the service records of itself
    rotation      rotations, in the background          replication     replicas in other regions and accounts
"""

from strongroom.services.secretsmanager.service import SecretsManager
from strongroom.services.secretsmanager.settings import SecretsManagerSettings

__all__ = ["SecretsManager", "SecretsManagerSettings"]
