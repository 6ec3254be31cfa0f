"""Who signed this request? The signature, the key or session behind it, and everything that may decide about it.

What was found is kept for one epoch: every change of a user, role, key or policy raises the epoch, so a right that was
taken away is gone on the next request. On that path a request costs a look-up and its signature.

A key that does not exist, one that is inactive and a wrong signature are answered alike, after the same work: one
statement, one opened secret, one signature.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.caller import Caller
from strongroom.identity.credentials import TEMPORARY_KEY, new_access_key, open_secret, seal_secret
from strongroom.identity.directory import StoredKey, access_key, user_by_id
from strongroom.identity.organization import OrganizationCache
from strongroom.identity.principals import load_user_caller
from strongroom.identity.session_callers import load_caller
from strongroom.identity.sessions import SessionToken, UserSessionToken, expired_token, invalid_token, open_session
from strongroom.identity.sigv4 import (
    SignedHttpRequest,
    SignedRequest,
    SigningKeyCache,
    verify_against_nobody,
    verify_signature,
)
from strongroom.keyring import Keyring
from strongroom.keyring.cache import BoundedCache
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["Authenticator"]

_Credential = tuple[str, str | None]
"""What a request shows: its access key id and its session token."""

_NEVER: Final = 1 << 62
_NOT_FOR_USERS: Final = "iam"
"""A session of a user cannot call IAM ("Compare AWS STS credentials"), unless a second factor was shown."""
_NOBODYS_ACCOUNT: Final = "000000000000"


@dataclass(frozen=True, slots=True)
class _Known:
    """A credential that stood up to everything under the present epoch.

    Args:
        caller: Whose it is.
        secret: Its secret half.
        expires_ms: When it ends.
        barred: The service at which it counts for nothing; empty if there is none.
    """

    caller: Caller
    secret: str = field(repr=False)
    expires_ms: int = _NEVER
    barred: str = ""


class Authenticator:
    """Finds out who signed requests.

    Args:
        store: Where users, roles and keys are.
        keyring: Opens their secrets and session tokens.
        world: Where the key of nobody comes from.
        capacity: How many credentials to remember.
    """

    def __init__(self, store: Store, keyring: Keyring, world: World, *, capacity: int = 10_000) -> None:
        self._store = store
        self._keyring = keyring
        self._signing_keys = SigningKeyCache(capacity)
        self._known: BoundedCache[_Credential, _Known] = BoundedCache(capacity)
        self._sessions: BoundedCache[_Credential, SessionToken | UserSessionToken] = BoundedCache(capacity)
        self._organizations = OrganizationCache()
        self._epoch = -1
        nobody = new_access_key(world.entropy)
        sealed = seal_secret(keyring, _NOBODYS_ACCOUNT, nobody)
        self._nobody = StoredKey(nobody.access_key_id, _NOBODYS_ACCOUNT, "", "Inactive", sealed)

    async def authenticate(self, request: SignedHttpRequest, signed: SignedRequest, epoch: int, now_ms: int) -> Caller:
        """The caller who signed ``request``.

        Args:
            request: The request.
            signed: What `sigv4.parse_authorization` read from it.
            epoch: The newest committed epoch.
            now_ms: Now, in milliseconds since the epoch of time.

        Raises:
            AwsError: ``InvalidSignatureException`` for a wrong signature and for a key that is unknown, inactive or
                of a closed account, ``UnrecognizedClientException`` for a session token that is missing, misplaced,
                foreign, of a role, user or key that is gone, of a closed account or barred from the service,
                ``ExpiredTokenException`` for a session that is over.
            OperatorError: The store, or a policy in it, cannot be read.
        """
        if epoch > self._epoch:
            self._known.clear()
            self._epoch = epoch
        token = signed.security_token
        known = self._known.get((signed.access_key_id, token))
        if known is None:
            if token is not None:
                return await self._meet_session(request, signed, token, now_ms)
            return await self._meet_user(request, signed, now_ms)
        try:
            verify_signature(request, signed, known.secret, self._signing_keys, now_ms)
        except AwsError:
            if token is None:
                await self._secret_of_key(signed.access_key_id)  # the work that an unknown key costs
            raise
        if now_ms >= known.expires_ms:
            raise expired_token()
        if known.barred and known.barred == signed.service:
            raise invalid_token()
        return known.caller

    def recognise(self, request: SignedHttpRequest, signed: SignedRequest, now_ms: int) -> Caller | None:
        """The caller who signed ``request``, if `authenticate` met this credential before and would not refuse it now.

        For callers who know that the epoch is still the one of that time. The arguments are those of `authenticate`,
        which tells what is wrong with a request that is not recognised.
        """
        known = self._known.get((signed.access_key_id, signed.security_token))
        if known is None or now_ms >= known.expires_ms:
            return None
        try:
            verify_signature(request, signed, known.secret, self._signing_keys, now_ms)
        except AwsError:
            return None
        return known.caller

    async def _meet_user(self, request: SignedHttpRequest, signed: SignedRequest, now_ms: int) -> Caller:
        """Authenticate a long-term key that is not remembered."""
        key_id = signed.access_key_id
        if key_id.startswith(TEMPORARY_KEY):
            raise invalid_token()
        secret = await self._secret_of_key(key_id)
        if secret is None:
            verify_against_nobody(request, signed, self._signing_keys, now_ms)
        verify_signature(request, signed, secret, self._signing_keys, now_ms)

        def load(transaction: Transaction) -> tuple[int, Caller | None]:
            key = access_key(transaction, key_id)
            user = None if key is None or key.status != "Active" else user_by_id(transaction, key.user_id)
            organization = self._organizations.current(transaction)
            if user is None or not organization.is_open(user.account):
                return transaction.epoch(), None
            return transaction.epoch(), load_user_caller(transaction, user, key_id, organization)

        read_epoch, caller = await self._store.read(load)
        if caller is None:  # it went away since its secret was read, or its account is closed
            verify_against_nobody(request, signed, self._signing_keys, now_ms)
        self._remember(read_epoch, (key_id, None), _Known(caller, secret))
        return caller

    async def _secret_of_key(self, key_id: str) -> str | None:
        """The secret of an active long-term key, or None. Costs the same either way."""
        key = await self._store.read(lambda transaction: access_key(transaction, key_id), single=True)
        usable = key is not None and key.status == "Active"
        sealed = key if key is not None and usable else self._nobody
        secret = open_secret(self._keyring, sealed.account, sealed.access_key_id, sealed.sealed)
        return secret if usable else None

    async def _meet_session(self, request: SignedHttpRequest, signed: SignedRequest, token: str, now_ms: int) -> Caller:
        """Authenticate a session that is not remembered."""
        if not signed.access_key_id.startswith(TEMPORARY_KEY):
            raise invalid_token()
        credential = (signed.access_key_id, token)
        session = self._sessions.get(credential)
        if session is None:
            session = open_session(self._keyring, *credential)
            self._sessions.put(credential, session)
        secret, facts = session.key.secret_access_key, session.facts
        verify_signature(request, signed, secret, self._signing_keys, now_ms)
        if now_ms >= facts.expires_ms:
            raise expired_token()

        barred = _NOT_FOR_USERS if isinstance(session, UserSessionToken) else ""
        if barred and barred == signed.service:
            raise invalid_token()

        def load(transaction: Transaction) -> tuple[int, Caller | None]:
            return transaction.epoch(), load_caller(transaction, session, self._organizations.current(transaction))

        read_epoch, caller = await self._store.read(load)
        if caller is None:
            raise invalid_token()
        self._remember(read_epoch, credential, _Known(caller, secret, facts.expires_ms, barred))
        return caller

    def _remember(self, read_epoch: int, credential: _Credential, known: _Known) -> None:
        """Keep what was read, if it was read under the epoch that is current now."""
        if read_epoch == self._epoch:
            self._known.put(credential, known)
