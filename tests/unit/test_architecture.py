"""The laws of the house, checked by walking the code. ARCHITECTURE.md states them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

import strongroom
from strongroom.audit.parameters import OPERATIONS
from strongroom.services.awslambda import Lambda
from strongroom.services.cloudtrail import CloudTrail
from strongroom.services.iam import Iam
from strongroom.services.kms import Kms
from strongroom.services.logs import Logs
from strongroom.services.operator import Operator
from strongroom.services.organizations import Organizations
from strongroom.services.rds import Rds
from strongroom.services.secretsmanager import SecretsManager
from strongroom.services.sts import Sts
from strongroom.wire import OWN_MODELS

SOURCE = Path(strongroom.__file__).parent
FILES = sorted(path for path in SOURCE.rglob("*.py") if "migrations/versions" not in path.as_posix())

ROOMS = ("cli", "server", "backup", "services", "identity", "policy", "keyring", "store", "audit", "wire")
"""From top to bottom: a room imports those below it, never one above."""

SERVICES = {
    "secretsmanager": SecretsManager,
    "kms": Kms,
    "iam": Iam,
    "sts": Sts,
    "lambda": Lambda,
    "logs": Logs,
    "organizations": Organizations,
    "rds": Rds,
    "cloudtrail": CloudTrail,
    "strongroom": Operator,
}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "strongroom" and parts[1] in ROOMS else None


def upward_imports(room: str, tree: ast.AST) -> list[str]:
    """Imports of rooms that stand above ``room``."""
    above = ROOMS[: ROOMS.index(room)]
    return sorted({module for module in _imports(tree) if _room(module) in above})


def test_imports_point_down() -> None:
    broken = {
        _name(path): found
        for path in FILES
        if (room := path.relative_to(SOURCE).parts[0]) in ROOMS
        if (found := upward_imports(room, _tree(path)))
    }
    assert broken == {}


def test_an_upward_import_is_found() -> None:
    assert upward_imports("store", ast.parse("from strongroom.services.kms import Kms")) == [
        "strongroom.services.kms",
        "strongroom.services.kms.Kms",
    ]


def test_the_vocabulary_uses_no_room() -> None:
    for path in SOURCE.glob("*.py"):
        if path.name != "__main__.py":
            assert [module for module in _imports(_tree(path)) if _room(module)] == [], path.name


def test_services_do_not_import_each_other() -> None:
    broken = []
    for path in (SOURCE / "services").rglob("*.py"):
        parts = path.relative_to(SOURCE / "services").parts
        if len(parts) < 2:
            continue
        # ``clients`` is how they reach each other: all may import it, and it imports none of them.
        packages = {entry.name for entry in (SOURCE / "services").iterdir() if entry.is_dir()} - {"clients"}
        for module in _imports(_tree(path)):
            reached = module.split(".")
            if reached[:2] == ["strongroom", "services"] and len(reached) > 2 and reached[2] in packages - {parts[0]}:
                broken.append((_name(path), module))
    assert broken == []


def test_rotators_would_run_on_aws() -> None:
    for path in (SOURCE / "rotators").glob("*.py"):
        assert not [module for module in _imports(_tree(path)) if module.startswith("strongroom")], path.name


FORBIDDEN_CALLS = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid4",
    "os.urandom",
    "secrets.token_bytes",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "secrets.choice",
    "secrets.randbelow",
    "random.random",
    "random.choice",
    "random.randint",
}
OUTSIDE_THE_LAW = ("world.py", "rotators/", "services/awslambda/runtime/bootstrap.py")
"""The one module that touches the real clock and generator, and code that runs inside functions, not in Strongroom."""


def air(tree: ast.AST) -> list[str]:
    """Calls that take time or randomness from the air."""
    return [
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (text := ast.unparse(node.func)) in FORBIDDEN_CALLS
    ]


def test_no_clock_or_randomness_is_taken_from_the_air() -> None:
    broken = {
        _name(path): found
        for path in FILES
        if not _name(path).startswith(OUTSIDE_THE_LAW)
        if (found := air(_tree(path)))
    }
    assert broken == {}


def test_a_call_from_the_air_is_found() -> None:
    assert air(ast.parse("import time\nx = time.time()")) == ["time.time"]


BOUNDARIES = {
    "server/dispatch.py",  # the request boundary
    "server/turns.py",  # the background loops
    "server/supervisor.py",  # the end of a forked process: what leaves it would run on as its parent
    "store/sqlite.py",  # the writer thread: hands every failure to the request that asked for the write
    "services/awslambda/runtime/bootstrap.py",  # runs inside the function: reports whatever the handler raises
    "audit/trail.py",  # the trail's writer thread: hands every failure to those who wait for their record
}


def broad_excepts(tree: ast.AST) -> list[int]:
    """Lines of ``except:``, ``except Exception`` and ``except BaseException`` that do not raise again."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else "BaseException"
        names = caught.strip("()").split(", ")
        reraises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if {"Exception", "BaseException"} & set(names) and not reraises:
            found.append(node.lineno)
    return found


def test_no_broad_except_outside_the_boundaries() -> None:
    broken = {
        _name(path): lines for path in FILES if _name(path) not in BOUNDARIES if (lines := broad_excepts(_tree(path)))
    }
    assert broken == {}


def test_a_broad_except_is_found() -> None:
    assert broad_excepts(ast.parse("try:\n    pass\nexcept Exception:\n    pass")) == [3]


def test_any_stays_out_of_identity_policy_and_keyring() -> None:
    broken = [
        _name(path)
        for path in FILES
        if path.relative_to(SOURCE).parts[0] in {"identity", "policy", "keyring"}
        if any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(_tree(path)))
    ]
    assert broken == []


SEALED = {
    "secret_versions": {"data_key", "value"},
    "kms_materials": {"wrapped"},
    "iam_access_keys": {"secret_access_key"},
    "functions": {"environment"},
    "function_versions": {"environment"},
    "function_events": {"event"},
    "function_codes": {"archive"},
    "layer_codes": {"archive"},
    "log_events": {"message"},
    "rds_databases": {"password", "next_password"},
}
"""Every column of bytes. Text and numbers hold no secret; bytes are what the keyring made."""


def test_only_sealed_columns_hold_bytes() -> None:
    from sqlalchemy import LargeBinary

    from strongroom.store.schema import metadata

    found = {
        table.name: {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
        for table in metadata.sorted_tables
    }
    assert {name: columns for name, columns in found.items() if columns} == SEALED


def test_cryptography_is_used_by_the_keyring_alone() -> None:
    broken = [
        _name(path)
        for path in FILES
        if path.relative_to(SOURCE).parts[0] not in {"keyring", "rotators"}
        if any(module.split(".")[0] in {"cryptography", "argon2"} for module in _imports(_tree(path)))
    ]
    assert broken == []


def _model(service: str) -> ServiceModel:
    loader = Loader(extra_search_paths=[str(OWN_MODELS)])
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@pytest.mark.parametrize("service", SERVICES)
def test_operations_take_the_parameters_of_the_model(service: str) -> None:
    model = _model(service)
    for operation in model.operation_names:
        method = getattr(SERVICES[service], xform_name(operation), None)
        if method is None:
            continue
        assert inspect.iscoroutinefunction(method), operation
        shape = model.operation_model(operation).input_shape
        members = set(shape.members) if shape else set()
        parameters = {
            name: parameter
            for name, parameter in inspect.signature(method).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        assert set(parameters) == members, operation
        required = set(shape.required_members) if shape else set()
        without_default = {name for name, found in parameters.items() if found.default is inspect.Parameter.empty}
        assert without_default == required, operation


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_may_be_recorded_of_it(service: str) -> None:
    offered = [name for name in _model(service).operation_names if hasattr(SERVICES[service], xform_name(name))]
    assert [name for name in offered if (service, name) not in OPERATIONS] == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_module_and_everything_public_is_documented(path: Path) -> None:
    tree = _tree(path)
    assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
