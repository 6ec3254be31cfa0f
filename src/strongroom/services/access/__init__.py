"""Access explained: why a request is allowed or denied, and everybody who can read a secret.

    client       what other services may ask; made of
      explaining   one question: the decision with its reasons
      finding      everybody who can read a secret, directly and through roles
    principals   who is asked about, as the engine sees them
    population   all users and roles with their policies, read page by page
    deciding     one decision about a principal and a resource, with key grants
    certainty    the same in the best and the worst case of what nobody knows before a request
    chains       who can assume the roles that read
    keys         the condition keys of a request that nobody has made

It decides with the engine that decides on requests, and on the policies that are stored. What it may touch: the IAM
tables, reading only; resources of other services through `strongroom.services.clients.RightsSource`. What never enters:
secret values.
"""

from strongroom.services.access.client import AccessServiceClient

__all__ = ["AccessServiceClient"]
