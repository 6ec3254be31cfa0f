"""The operator's own API: what runs an installation and AWS has no operation for. Rotations and registered databases.

    service     every operation in one class
    rotations   looking at rotations, taking them up and ending them
    databases   checking and repairing the master credentials of registered databases
    trail       checkpoints of the audit trail
    access      why a request is allowed or denied, and who can read a secret; its shapes in access_shapes
    consumers   who read a secret, and who holds an older version (`holders`)
    shapes      the model's shapes
    pages       NextToken

It is one more service behind the same door, named ``strongroom``: JSON 1.1 with ``X-Amz-Target:
Strongroom.<Operation>``, by a service model of our own (``wire/data/strongroom``) that the AWS CLI and SDKs can load as
they load any. So a call is signed, decided as ``strongroom:<Operation>`` and recorded like every other, and there is no
second way in to guard. Operations on one secret are decided on its ARN, with its resource policy; lists on ``*``.

What it may touch: rotations, databases and versions, through `strongroom.services.clients`, and the audit trail. What
never enters: secret values.
"""

from strongroom.services.operator.service import Operator

__all__ = ["Operator"]
