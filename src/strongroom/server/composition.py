"""How the rooms are put together in one process. The only place that knows every part by name."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from botocore import xform_name

from strongroom.audit import Checkpoints, Trail
from strongroom.audit.index import IndexReader
from strongroom.audit.sinks import SinkGate
from strongroom.identity.authenticator import Authenticator
from strongroom.keyring import Keyring, RootKey, public_key_to_pem
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings
from strongroom.services.access import AccessServiceClient
from strongroom.services.awslambda import Lambda, LambdaServiceClient
from strongroom.services.awslambda.rights import FunctionRightsSource
from strongroom.services.clients import FunctionInvoker, IamClient, LambdaClient, OrganizationClient, RotationClient
from strongroom.services.cloudtrail import LOOKUP_GROUPS, LOOKUP_RATES, CloudTrail
from strongroom.services.iam import Iam, IamServiceClient
from strongroom.services.kms import Kms, KmsServiceClient
from strongroom.services.kms.rights import KeyRightsSource
from strongroom.services.logs import Logs
from strongroom.services.lookups import Lookups
from strongroom.services.operator import Operator
from strongroom.services.organizations import Organizations, OrganizationServiceClient
from strongroom.services.rds import DatabaseChecks, DatabaseServiceClient, Rds
from strongroom.services.rds.engines import Databases
from strongroom.services.secretsmanager import SecretsManager, SecretsManagerSettings
from strongroom.services.secretsmanager.client import SecretsServiceClient
from strongroom.services.secretsmanager.quotas import GROUPS
from strongroom.services.secretsmanager.rights import SecretRightsServiceSource
from strongroom.services.secretsmanager.rotation.client import RotationServiceClient
from strongroom.services.secretsmanager.version_client import VersionServiceClient
from strongroom.services.sts import AdmittedIssuer, Sts
from strongroom.services.throttling import RateLimit, ThrottleMemory, rate_limits
from strongroom.store import Store, open_store
from strongroom.wire import Router, service
from strongroom.world import World

__all__ = ["House", "Method"]


class Method(Protocol):
    """An operation of a service: takes the call and the operation's parameters, answers in the output's shape."""

    def __call__(self, call: object, /, **parameters: object) -> Awaitable[Mapping[str, object]]:
        """Do it."""
        ...


SERVICES: Final = (
    *("secretsmanager", "kms", "iam", "sts", "lambda", "logs", "organizations", "rds", "cloudtrail"),
    "strongroom",
)
"""The services that answer here, by their names in botocore; ``strongroom`` is our own."""

CHECKPOINTS: Final = "audit checkpoints"
"""The purpose of the key that signs checkpoints of the trail."""

_WARM: Final = (("secretsmanager", "GetSecretValue"), ("secretsmanager", "DescribeSecret"), ("kms", "Decrypt"))


@dataclass(frozen=True, slots=True)
class House:
    """Everything the request path and the background work are made of."""

    settings: Settings
    world: World
    trail: Trail
    checkpoints: Checkpoints
    sinks: SinkGate | None
    store: Store
    keyring: Keyring
    authenticator: Authenticator
    router: Router
    methods: Mapping[tuple[str, str], Method]
    limits: Mapping[tuple[str, str], RateLimit]
    iam: IamClient
    organization: OrganizationClient
    keys: Kms
    functions: LambdaClient
    databases: Rds
    database_checks: DatabaseChecks
    rotations: RotationClient

    @classmethod
    def open(
        cls,
        settings: Settings,
        root_key: RootKey,
        world: World,
        invoker: FunctionInvoker,
        throttles: ThrottleMemory | None = None,
        sinks: SinkGate | None = None,
    ) -> House:
        """Open trail and store, and build every service on them.

        Args:
            settings: The settings.
            root_key: The installation's root key.
            world: Clock and entropy.
            invoker: How functions are run from this process.
            throttles: The buckets of request rates; some of its own for a process that shares them with none.
            sinks: The way to whoever feeds the trail's sinks, if there are any.

        Raises:
            OperatorError: The trail or the store cannot be opened.
        """
        audit = DataFolder(settings.data_dir).audit
        gate = sinks if sinks is not None and sinks.required else None
        trail = Trail(audit, world, largest_bytes=settings.audit_file_megabytes << 20, gate=gate)
        trail.open()
        lookups = Lookups(IndexReader(audit))
        store = open_store(settings.store_address, trail)
        keyring = Keyring(root_key, world)
        signer = keyring.signing_key(CHECKPOINTS)
        checkpoints = Checkpoints(audit, signer, public_key_to_pem(signer.public_key), world.clock)
        kms_service = Kms(store, keyring, world, settings.regions)
        kms = KmsServiceClient(kms_service)
        iam = IamServiceClient(store, keyring, world)
        functions = LambdaServiceClient(store, world, invoker)
        organization = OrganizationServiceClient()
        quotas = settings.secretsmanager_quotas
        memory = throttles or ThrottleMemory()
        secrets_manager = SecretsManager(
            store,
            keyring,
            world,
            kms,
            functions,
            iam,
            organization,
            SecretsManagerSettings(
                regions=settings.regions,
                allow_minute_schedules=settings.minute_schedules,
                quotas=quotas,
            ),
        )
        secrets = SecretsServiceClient(secrets_manager, kms)
        databases = Rds(store, keyring, world, secrets, Databases(settings.ca_bundle))
        database_checks = DatabaseChecks(store, world, databases, secrets, settings.database_check_minutes)
        rotations = RotationServiceClient(world)
        services: dict[str, object] = {
            "secretsmanager": secrets_manager,
            "kms": kms_service,
            "iam": Iam(store, keyring, world),
            "sts": Sts(store, keyring, world, [AdmittedIssuer(**dict(one)) for one in settings.oidc_issuers]),
            "organizations": Organizations(store, iam, world),
            "lambda": Lambda(store, keyring, world, iam, kms, invoker),
            "logs": Logs(store, keyring, world),
            "rds": databases,
            "cloudtrail": CloudTrail(lookups, trail, settings.region),
            "strongroom": Operator(
                rotations,
                DatabaseServiceClient(databases, database_checks),
                checkpoints,
                AccessServiceClient(
                    SecretRightsServiceSource(), KeyRightsSource(kms_service), {"lambda": FunctionRightsSource()}
                ),
                VersionServiceClient(),
                lookups,
            ),
        }
        return cls(
            settings=settings,
            world=world,
            trail=trail,
            checkpoints=checkpoints,
            sinks=sinks,
            store=store,
            keyring=keyring,
            authenticator=Authenticator(store, keyring, world),
            router=Router(service(name) for name in SERVICES),
            methods=_methods(services),
            limits=rate_limits(memory, "secretsmanager", quotas.rates, GROUPS)
            | rate_limits(memory, "cloudtrail", {} if settings.quotas == "none" else LOOKUP_RATES, LOOKUP_GROUPS),
            iam=iam,
            organization=organization,
            keys=kms_service,
            functions=functions,
            databases=databases,
            database_checks=database_checks,
            rotations=rotations,
        )

    def warm(self) -> None:
        """Compile what the first reads need, so that they are not slower than the rest."""
        for name, operation in _WARM:
            service(name).operation(operation)

    def close(self) -> None:
        """Finish writes, then close store and trail."""
        self.store.close()
        self.trail.close()
        if self.sinks is not None:
            self.sinks.close()


def _methods(services: Mapping[str, object]) -> dict[tuple[str, str], Method]:
    """Every operation that a service offers, found by botocore's name for its method."""
    found: dict[tuple[str, str], Method] = {}
    for name, implementation in services.items():
        for operation in service(name).operations:
            method = getattr(implementation, xform_name(operation), None)
            if method is not None:
                found[name, operation] = method
    return found
