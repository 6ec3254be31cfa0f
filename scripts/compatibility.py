"""Builds ``docs/compatibility.md``: what of AWS's API is offered, which test shows it, and where it differs.

    scripts/compatibility.py            write the page
    scripts/compatibility.py --check    say what is missing or stale, and exit with 1 if anything is

Every operation, request parameter, member of the answer and documented error of the installed botocore's model needs an
entry in ``docs/compatibility/<service>.toml``, so what a new botocore adds is noticed. A service is taken up by giving
it such a file. An entry is the node id of a test below ``tests/``, or a table:

    [DeleteSecret.parameters]
    SecretId = "api/test_secretsmanager_lifecycle.py::test_tags_come_and_go"
    RecoveryWindowInDays = { test = "api/...::test_...", deviation = "What differs from AWS, and why." }

    [DeleteSecret.errors]
    InternalServiceError = { test = "unit/...::test_...", note = "What is worth knowing, though AWS does the same." }

Sections are ``parameters``, ``answer`` and ``errors`` of each operation; members of structures inside are written with
dots (``RotationRules.Duration``). ``[defaults.<section>]`` holds entries for the names that an operation does not have
an entry of its own for. Only for what cannot happen here there may be no test; then the entry says why not.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

ROOT: Final = Path(__file__).resolve().parent.parent
ENTRIES: Final = ROOT / "docs" / "compatibility"
PAGE: Final = ROOT / "docs" / "compatibility.md"
TESTS: Final = ROOT / "tests"
SECTIONS: Final = {"parameters": "parameter", "answer": "member of the answer", "errors": "error"}

Section = Mapping[str, "Entry"]


@dataclass(frozen=True)
class Entry:
    """What an entries file says of one name.

    Attributes:
        test: Node id of a test, relative to ``tests/``; empty if there is none.
        deviation: What differs from AWS, and why; empty if nothing does.
        note: What else is worth knowing.
    """

    test: str = ""
    deviation: str = ""
    note: str = ""

    @classmethod
    def read(cls, given: object) -> Entry:
        """An entry as TOML has it.

        Raises:
            ValueError: It is neither a text nor a table of ``test``, ``deviation`` and ``note``.
        """
        if isinstance(given, str):
            return cls(given)
        if not isinstance(given, dict) or not set(given) <= {"test", "deviation", "note"}:
            raise ValueError("an entry is the id of a test, or a table of test, deviation and note")
        return cls(**given)

    @property
    def remark(self) -> str:
        """What the table says of it."""
        text = f"**Differs:** {self.deviation}" if self.deviation else self.note
        return text.replace("|", "\\|")


def members(shape: Shape | None, *, prefix: str = "", within: tuple[str, ...] = ()) -> Iterator[str]:
    """The members of a structure, and with dots those of structures inside it, in the model's order."""
    if isinstance(shape, ListShape):
        yield from members(shape.member, prefix=prefix, within=within)
    elif isinstance(shape, StructureShape) and shape.name not in within:
        for name, member in shape.members.items():
            yield prefix + name
            yield from members(member, prefix=f"{prefix}{name}.", within=(*within, shape.name))


def names_of(operation: OperationModel) -> dict[str, list[str]]:
    """What of an operation needs an entry, by section. Of an answer only the members themselves."""
    answer = operation.output_shape
    return {
        "parameters": list(members(operation.input_shape)),
        "answer": list(answer.members) if isinstance(answer, StructureShape) else [],
        "errors": [shape.name for shape in operation.error_shapes],
    }


class Service:
    """One service: its model and its entries.

    Args:
        path: The entries file, named as botocore names the service.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self.model = ServiceModel(Loader().load_service_model(self.name, "service-2"), self.name)
        self._entries: dict[str, Any] = tomllib.loads(path.read_text())
        self.title: str = self._entries.pop("title")
        self._defaults: dict[str, Any] = self._entries.pop("defaults", {})

    @property
    def operations(self) -> list[OperationModel]:
        """All operations of the model, by name."""
        return [self.model.operation_model(name) for name in sorted(self.model.operation_names)]

    def find(self, operation: OperationModel, section: str, name: str) -> Entry | None:
        """The entry for a name, its own or the default."""
        given = self._entries.get(operation.name, {}).get(section, {}).get(name)
        given = self._defaults.get(section, {}).get(name) if given is None else given
        return None if given is None else Entry.read(given)

    def problems(self) -> Iterator[str]:
        """What is missing, superfluous or not true, one line each."""
        known: dict[str, set[str]] = {section: set() for section in SECTIONS}
        for operation in self.operations:
            for section, names in names_of(operation).items():
                known[section].update(names)
                for name in names:
                    yield from self._problems_of(operation, section, name)
                for name in self._entries.get(operation.name, {}).get(section, {}):
                    if name not in names:
                        yield self._tell(operation.name, section, name, "is not in the model")
        for name in sorted(set(self._entries) - set(self.model.operation_names)):
            yield f"{self._path.name}: {name}: is not an operation of the model"
        for section, entries in self._defaults.items():
            for name in sorted(set(entries) - known.get(section, set())):
                yield self._tell("defaults", section, name, "is not in the model")

    def _problems_of(self, operation: OperationModel, section: str, name: str) -> Iterator[str]:
        try:
            entry = self.find(operation, section, name)
        except ValueError as error:
            yield self._tell(operation.name, section, name, str(error))
            return
        if entry is None:
            yield self._tell(operation.name, section, name, "has no entry")
        elif not entry.test and not entry.remark:
            yield self._tell(operation.name, section, name, "has neither a test nor a reason")
        elif entry.test and not is_test(entry.test):
            yield self._tell(operation.name, section, name, f"there is no test {entry.test}")

    def _tell(self, operation: str, section: str, name: str, what: str) -> str:
        return f"{self._path.name}: {operation}: {SECTIONS.get(section, section)} {name}: {what}"


@cache
def tests_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file, found without running it."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(), str(path))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def is_test(node_id: str) -> bool:
    """Whether a node id, ``file::test``, names a test that exists."""
    path, _, name = node_id.partition("::")
    return name in tests_in(TESTS / path)


def page(services: list[Service]) -> str:
    """The whole page."""
    lines = [
        "# Compatibility",
        "",
        "Every operation, parameter, member of the answer and documented error of the service models in the installed",
        "botocore, with the test that shows it here and every known deviation from AWS. Built by",
        "`scripts/compatibility.py` from `docs/compatibility/`; `make check` fails when a name of the model has no",
        "entry, an entry names no test, or this page is stale.",
        "",
        "The operations of a service as a whole are held against a model of it in random sequences by",
        "`tests/system/test_secretsmanager_model.py`, and against mutated requests by `tests/system/test_fuzzer.py`.",
    ]
    for service in services:
        lines += ["", f"## {service.title}", "", *_summary(service), *_deviations(service)]
        for operation in service.operations:
            lines += _operation(service, operation)
    return "\n".join(lines) + "\n"


def _summary(service: Service) -> list[str]:
    counts = dict.fromkeys(SECTIONS, 0)
    for operation in service.operations:
        for section, names in names_of(operation).items():
            counts[section] += len(names)
    return [
        f"{len(service.operations)} operations with {counts['parameters']} parameters, {counts['answer']} members of "
        f"answers and {counts['errors']} errors.",
    ]


def _deviations(service: Service) -> list[str]:
    """All deviations in one place, for who wants to know just these."""
    found: dict[str, list[str]] = {}
    for operation in service.operations:
        for section, names in names_of(operation).items():
            for name in names:
                entry = service.find(operation, section, name)
                if entry is not None and entry.deviation:
                    found.setdefault(entry.deviation, []).append(f"{operation.name} `{name}`")
    if not found:
        return []
    lines = ["", f"What differs in {service.title}:", ""]
    return [*lines, *(f"- {', '.join(places)}: {deviation}" for deviation, places in found.items())]


def _operation(service: Service, operation: OperationModel) -> list[str]:
    lines = ["", f"### {operation.name}"]
    for section, names in names_of(operation).items():
        if not names:
            continue
        lines += ["", f"| {SECTIONS[section]} | shown by | remark |", "| --- | --- | --- |"]
        for name in names:
            entry = service.find(operation, section, name)
            entry = entry or Entry()
            lines.append(f"| `{name}` | {_link(entry.test)} | {entry.remark} |")
    return [re.sub(r" +\|$", " |", line) for line in lines]


def _link(node_id: str) -> str:
    if not node_id:
        return ""
    path, _, name = node_id.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{path})"


def main(arguments: list[str]) -> int:
    """Write the page, or check it; answers the exit code."""
    services = [Service(path) for path in sorted(ENTRIES.glob("*.toml"))]
    problems = [problem for service in services for problem in service.problems()]
    if arguments != ["--check"]:
        PAGE.write_text(page(services))
    elif not problems and (not PAGE.is_file() or PAGE.read_text() != page(services)):
        problems.append("docs/compatibility.md is stale: run scripts/compatibility.py")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
