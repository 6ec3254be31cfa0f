"""RDS: registered database servers and the credentials of their master users.

A DB instance or cluster here is an **existing** PostgreSQL, MySQL or MariaDB server that runs wherever it runs.
CreateDBInstance and CreateDBCluster register it; nothing is started, stored or backed up. As AWS's request has no
parameter for an address, the server is described by tags of the request (see `endpoints`):

    strongroom:endpoint       host:port, required
    strongroom:tls            off, for a connection without TLS; verified TLS otherwise, and never a fallback
    strongroom:ca             certificates to trust: base64 of DER, continued in strongroom:ca-2, strongroom:ca-3 ...
    strongroom:master-secret  a secret whose JSON has the present "password" of the master user

Those tags belong to the registration: no other request can set, change or remove them, so that the right to tag is not
the right to send a master password to another server. ``strongroom rds register`` writes them.

The present password comes with the request, as MasterUserPassword or through ``strongroom:master-secret``, and is
tried before anything is stored.

    service               every operation in one class
    instances, clusters   the operations, with the parameters of the model
    registering, modifying, deleting, describing, tagging    what they do
    requests              what a request says about the master credential, and which combinations are refused
    names, tags, endpoints, shapes, listing, failures, access, passwords    the parts
    records               the rows
    engines               the drivers: log in, and change a password
    credentials           which credential logs in, and putting a new one in its place
    rotation              the steps that rotate a managed secret, for Secrets Manager
    checks                logging in with the current credentials, by schedule and on demand
    events                what the trail is told
    client                checks and repairs, for the operator's service

What it may touch: its own table, the databases, and Secrets Manager through its client. What never enters: a password
in any text, log, event or tag.
"""

from strongroom.services.rds.checks import DatabaseChecks
from strongroom.services.rds.client import DatabaseServiceClient
from strongroom.services.rds.service import Rds

__all__ = ["DatabaseChecks", "DatabaseServiceClient", "Rds"]
