"""Replication: copies of secrets in other regions and in other accounts, kept in step with their primary.

A replica is a secret of its own, under a key of its own. A *link* (`links`) says which secret follows which, and how
far it has got. Whatever changes a primary makes its links due in the same transaction; the background worker (`engine`)
claims links that are due by lease and brings one replica in step in one transaction (`copying`), or rolls it back and
says in the link what stood against it. It then tries again after growing pauses, so a replica heals by itself once
a key is enabled again or a name is free. A killed process loses nothing: what is due stays due.

    links      the rows, and who works on them          keys      under whose rights KMS keys are used
    requests   what operations do to links              shown     what answers say of them
    copying    one replica in step, in one transaction  engine    the work in the background
    regions    the operations on other regions          accounts  the operations on other accounts

**Whose rights.** AWS documents what the caller who asks for a replica needs (ReplicateSecretToRegions, API Reference:
``kms:Decrypt`` on the primary's key, ``kms:GenerateDataKey`` and ``kms:Encrypt`` on the replica's, unless they are
``aws/secretsmanager``), and that replication goes on when others change the secret. So that caller is asked once, at
the request, which fails as a whole when it may not. From then on the service holds this right, like the grantee of
a KMS grant: it ends with the link, and a Deny in a key policy or the state of a key stands against it at every copy.
A key that is disabled or missing is no reason to refuse the request: the replica's status says so, as on AWS.

**Across accounts** ("How Secrets Manager authorizes cross-account replication", User Guide) the right is the
replication role's, which is asked at every copy, or without a role the right of whoever changed the value last, which
is asked in the transaction of that change. What is copied are the versions with labels, and the labels; policies, tags,
description and key of such a replica are its owner's.

A replica in another region follows its primary in values, labels, tags, resource policy, description, type, and the
dates of changes and rotations; rotation rules and versions without labels stay behind.
"""

from strongroom.services.secretsmanager.replication.engine import ReplicationEngine

__all__ = ["ReplicationEngine"]
