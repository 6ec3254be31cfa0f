"""STS: temporary credentials of roles and users, and who one is.

    service       the class that the dispatcher calls; made of
      roles         AssumeRole
      web_identity  AssumeRoleWithWebIdentity
      users         GetSessionToken, GetFederationToken
      identities    GetCallerIdentity, GetAccessKeyInfo, DecodeAuthorizationMessage
    assuming      what the first two share: the request, the decision, the session
    grants        what a request for a session may ask for, checked against AWS's limits
    issuers       the identity providers that the operator admits, and their keys
    fetching      reads their documents

What it may touch: users, roles and identity providers as `identity` reads them, and session tokens as it mints them;
the network, for the documents of admitted issuers alone. Nothing is written. What never enters: changing a role or a
provider, which is IAM's.
"""

from strongroom.services.sts.issuers import AdmittedIssuer
from strongroom.services.sts.service import Sts

__all__ = ["AdmittedIssuer", "Sts"]
