"""CreateDBInstance and CreateDBCluster: registering a server that exists."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.clients import ManagedSecretDraft
from strongroom.services.rds import failures
from strongroom.services.rds.access import Context, missing
from strongroom.services.rds.base import SETTLE_MS, Operations
from strongroom.services.rds.credentials import OWNER, pack_login
from strongroom.services.rds.endpoints import ENDPOINT_TAG, MASTER_SECRET_TAG, Endpoint, given_endpoint
from strongroom.services.rds.engines import DatabaseError, Login, longest_username
from strongroom.services.rds.names import CLUSTER, Kind, Reference, require_identifier
from strongroom.services.rds.records import Database, database_by_arn, find_database, insert_database
from strongroom.services.rds.requests import MasterRequest, number, text
from strongroom.services.rds.shapes import SETTINGS
from strongroom.services.rds.tags import pack_tags, request_tag_context, request_tags
from strongroom.store import Transaction

__all__ = ["PRINCIPAL", "Registering", "kept_settings", "require_no_promises"]

PRINCIPAL: Final = "rds.amazonaws.com"
"""What RDS is called when it does something on a caller's behalf."""

_ROTATION_DAYS: Final = 7
_KEY_TROUBLE: Final = ("EncryptionFailure", "InvalidParameterException")
_UNDERSTOOD: Final = frozenset({
    "DBInstanceIdentifier", "DBClusterIdentifier", "DBName", "DatabaseName", "Engine", "MasterUsername",
    "MasterUserPassword", "Port", "DBPortNumber", "Tags", "DeletionProtection", "ManageMasterUserPassword",
    "MasterUserSecretKmsKeyId", "RotateMasterUserPassword", "ApplyImmediately", "AllowMajorVersionUpgrade",
    "AllowEngineModeChange", "CertificateRotationRestart", "SourceRegion",
})  # fmt: skip
"""Parameters that mean something here, or say how something is done that is not done here."""


def require_no_promises(kind: Kind, parameters: Mapping[str, object]) -> None:
    """Refuse parameters that ask for something which a registered server does not get.

    Raises:
        AwsError: ``InvalidParameterCombination``, naming the parameter.
    """
    for name, value in parameters.items():
        if name == "MasterUserAuthenticationType" and value == "password":
            continue
        if name not in _UNDERSTOOD and name not in SETTINGS[kind] and value not in (None, False, "", [], {}):
            raise failures.invalid_combination(f"The parameter {name} can't be used with a registered database server.")


def kept_settings(kind: Kind, parameters: Mapping[str, object]) -> dict[str, object]:
    """What of the parameters is shown again and otherwise means nothing here."""
    return {name: value for name, value in parameters.items() if name in SETTINGS[kind] and value is not None}


def _managed_draft(database: Database, login: Login, kms_key_id: str | None, uuid: str) -> ManagedSecretDraft:
    """The secret for the master user of a database. Its first value is the present password, which is rotated at once.

    Args:
        database: The database.
        login: Its present credential.
        kms_key_id: The key, as the caller named it.
        uuid: For its name.
    """
    kind = database.of_kind
    return ManagedSecretDraft(
        owner=OWNER,
        name=f"{kind.word}-{uuid}",
        value=pack_login(login),
        description=f"Secret associated with primary RDS {kind.noun}: {database.arn}",
        kms_key_id=kms_key_id,
        tags={kind.owner_tag: database.arn},
        rotate_after_days=_ROTATION_DAYS,
        rotate_at_once=True,
    )


@dataclass(frozen=True, slots=True)
class _Registration:
    """What a request wants registered."""

    reference: Reference
    engine: str
    endpoint: Endpoint | None
    username: str | None
    master: MasterRequest
    database_name: str | None
    cluster_identifier: str | None
    tags: Mapping[str, str]
    settings: Mapping[str, object]
    protected: bool

    @classmethod
    def of(cls, call: Call, kind: Kind) -> _Registration:
        """Read it from a call's parameters.

        Raises:
            AwsError: Something that does not depend on what is stored is wrong with them.
        """
        given = call.parameters
        require_no_promises(kind, given)
        tags = request_tags(given.get("Tags"))  # type: ignore[arg-type]  # as the model says
        engine = text(given, "Engine") or ""
        cluster = text(given, "DBClusterIdentifier") if kind is not CLUSTER else None
        found = cls(
            reference=Reference(
                kind, call.account, call.region, require_identifier(kind, text(given, kind.identifier) or "")
            ),
            engine=engine,
            endpoint=given_endpoint(engine, tags, number(given, "Port")),
            username=text(given, "MasterUsername"),
            master=MasterRequest.of(given),
            database_name=text(given, "DatabaseName" if kind is CLUSTER else "DBName"),
            cluster_identifier=None if cluster is None else cluster.lower(),
            tags=tags,
            settings=kept_settings(kind, given),
            protected=given.get("DeletionProtection") is True,
        )
        found._check()
        return found

    def _check(self) -> None:
        if self.cluster_identifier is not None:
            for name, value in (("MasterUsername", self.username), ("MasterUserPassword", self.master.password)):
                if value is not None or self.master.manage:
                    raise failures.invalid_combination(
                        f"The requested DB Instance will be a member of a DB Cluster. Set {name} for the DB Cluster."
                    )
            return
        if self.endpoint is None:
            raise failures.invalid_value(
                f"The tag {ENDPOINT_TAG} must say where the server is, as host:port: databases are registered here, "
                "not made."
            )
        if self.username is None:
            raise failures.invalid_value("The parameter MasterUsername must be provided and must not be blank.")
        if len(self.username.encode()) > longest_username(self.engine) or not self.username.isprintable():
            raise failures.invalid_value("The parameter MasterUsername is not a valid user name of the engine.")
        by_secret = MASTER_SECRET_TAG in self.tags
        if self.master.password is None and not by_secret:
            if not self.master.manage:
                raise failures.invalid_value("The parameter MasterUserPassword must be provided and must not be blank.")
            raise failures.invalid_combination(
                "The present password of the master user is needed before it can be managed: name a secret that has "
                f"it in the tag {MASTER_SECRET_TAG}, or register with MasterUserPassword and turn "
                "ManageMasterUserPassword on afterwards."
            )
        if self.master.password is not None and (by_secret or "\0" in self.master.password):
            raise failures.invalid_combination(
                f"The present password comes either with MasterUserPassword or with the tag {MASTER_SECRET_TAG}."
            )

    def context(self) -> Context:
        """The condition keys of the request."""
        context: dict[str, str | tuple[str, ...]] = {
            **request_tag_context([{"Key": key, "Value": value} for key, value in self.tags.items()]),
            "rds:databaseengine": self.engine,
            "rds:managemasteruserpassword": "true" if self.master.manage else "false",
        }
        if self.database_name is not None:
            context["rds:databasename"] = self.database_name
        if isinstance(size := self.settings.get("DBInstanceClass"), str):
            context["rds:databaseclass"] = size
        return context


class Registering(Operations):
    """What CreateDBInstance and CreateDBCluster have in common."""

    async def register(self, call: Call, kind: Kind) -> dict[str, object]:
        """Register a server, once its master credential has logged in there.

        Raises:
            AwsError: Access denied, parameters that cannot be, there is one of this name already, or the server
                cannot be reached or does not take the credential.
        """
        wanted = _Registration.of(call, kind)
        checked = await call.read(lambda transaction: self._admit(transaction, call, wanted))
        if checked is not None:
            row, login = checked
            try:
                await self.credentials.databases.log_in(row.server, login)
            except DatabaseError as failure:
                raise failures.invalid_value(str(failure)) from None

        def work(transaction: Transaction) -> Mapping[str, object]:
            admitted = self._admit(transaction, call, wanted)
            if admitted is None:
                row = self._member(transaction, call, wanted)
            else:
                row, login = admitted
                if checked is None or (row.server, login) != (checked[0].server, checked[1]):
                    raise failures.invalid_value("The master credential changed while it was tried. Try again.")
                row = self._with_credential(transaction, call, wanted, row, login)
            insert_database(transaction, row)
            call.touches(row.arn, kind.resource_type, row.account)
            return {kind.member: self._shapes.shown(transaction, row)}

        return dict(await call.write(work))

    def _admit(self, transaction: Transaction, call: Call, wanted: _Registration) -> tuple[Database, Login] | None:
        """The row to be, and the credential to try; None for a member of a cluster, which has none of its own."""
        kind, arn = wanted.reference.kind, wanted.reference.arn
        context = wanted.context()
        call.authorize(f"rds:{call.operation}", arn, context=context)
        if wanted.tags:
            call.authorize("rds:AddTagsToResource", arn, context=context)
        if find_database(transaction, wanted.reference) is not None:
            raise AwsError(kind.exists_code, f"{kind.noun} already exists")
        if wanted.cluster_identifier is not None or wanted.endpoint is None or wanted.username is None:
            return None
        password = wanted.master.password or self._password_in_secret(transaction, call, wanted.tags)
        return self._row(call, wanted, wanted.endpoint, wanted.username), Login(wanted.username, password)

    def _password_in_secret(self, transaction: Transaction, call: Call, tags: Mapping[str, str]) -> str:
        value = self._secrets.value_for(transaction, call.forward(PRINCIPAL), tags[MASTER_SECRET_TAG])
        password: object = None
        try:
            document = orjson.loads(value)
            password = document.get("password") if isinstance(document, dict) else None
        except orjson.JSONDecodeError:
            password = None
        if not isinstance(password, str) or not password or "\0" in password:
            raise failures.invalid_value(f"The secret in the tag {MASTER_SECRET_TAG} is no JSON with a password.")
        return password

    def _member(self, transaction: Transaction, call: Call, wanted: _Registration) -> Database:
        """An instance of a cluster: it is where the cluster is, unless a tag says otherwise."""
        identifier = wanted.cluster_identifier or ""
        cluster = database_by_arn(transaction, CLUSTER.arn(call.account, call.region, identifier))
        if cluster is None:
            raise missing(CLUSTER, identifier)
        if cluster.engine != wanted.engine:
            raise failures.invalid_combination(
                "The engine name requested for your DB instance doesn't match the engine name of your DB cluster."
            )
        endpoint = wanted.endpoint or Endpoint(cluster.host, cluster.port, bool(cluster.tls), cluster.authorities)
        return self._row(call, wanted, endpoint, None)

    def _row(self, call: Call, wanted: _Registration, endpoint: Endpoint, username: str | None) -> Database:
        kind = wanted.reference.kind
        unique = base64.b32encode(self.world.entropy.bytes(16)).decode().rstrip("=")
        return Database(
            arn=wanted.reference.arn,
            account=call.account,
            region=call.region,
            kind=kind.word,
            identifier=wanted.reference.identifier,
            resource_id=f"{kind.word}-{unique}",
            engine=wanted.engine,
            host=endpoint.host,
            port=endpoint.port,
            tls=int(endpoint.tls),
            authorities=endpoint.authorities,
            database_name=wanted.database_name,
            master_username=username,
            password=None,
            next_password=None,
            secret_arn=None,
            secret_is_new=0,
            cluster_identifier=wanted.cluster_identifier,
            deletion_protection=int(wanted.protected),
            settings=orjson.dumps(dict(wanted.settings)).decode(),
            tags=pack_tags(wanted.tags),
            created_ms=call.now_ms,
            next_check_ms=call.now_ms + SETTLE_MS,  # it has just logged in
            checked_ms=None,
            problem=None,
        )

    def _with_credential(
        self, transaction: Transaction, call: Call, wanted: _Registration, row: Database, login: Login
    ) -> Database:
        """The row with the credential that was tried, or with a secret that has it."""
        if not wanted.master.manage:
            return replace(row, password=self.credentials.seal(row.arn, login.password))
        return replace(
            row, secret_arn=self.create_secret(transaction, call, row, login, wanted.master), secret_is_new=1
        )

    def create_secret(
        self, transaction: Transaction, call: Call, database: Database, login: Login, master: MasterRequest
    ) -> str:
        """Make the secret of a master user on behalf of the caller; answers its ARN.

        Raises:
            AwsError: Access denied, or ``KMSKeyNotAccessibleFault``.
        """
        draft = _managed_draft(database, login, master.kms_key_id, self.world.entropy.uuid())
        try:
            return self._secrets.create_managed(transaction, call.forward(PRINCIPAL), draft).arn
        except AwsError as refusal:
            if master.kms_key_id is None or refusal.code not in _KEY_TROUBLE:
                raise
            raise AwsError(
                "KMSKeyNotAccessibleFault",
                f"The specified KMS key {master.kms_key_id} does not exist, is not enabled or you do not have "
                "permissions to access it.",
            ) from None
