"""The documentation names what is there: commands, options, settings, targets of make, files, tests and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from strongroom.cli.main import application
from strongroom.server.settings import Settings

ROOT = Path(__file__).parents[2]
HISTORY = ROOT / "CHANGELOG.md"
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md")
    for page in ROOT.glob(pattern)
    if page != HISTORY  # it may name what is gone
)
SETTINGS = ROOT / "docs/operating/settings.md"
LITERALS = (str, int, bool)

all_pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code(page: Path) -> Iterator[str]:
    """Each line of the indented blocks of a page without its comment, and each code span."""
    text = page.read_text("utf-8")
    for line in re.findall(r"(?m)^ {4,}(.*)$", text):
        yield line.split("  #")[0].split(" # ")[0]
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"(?m)^ {4,}.*$", "", text)):
        yield " ".join(span.split())


def mentions(page: Path) -> Iterator[list[str]]:
    """The words after each ``strongroom`` that is run in the code of a page."""
    for text in code(page):
        for words in re.findall(r"(?<![\w.=\"-])strongroom ([a-z][^`]*)", text):
            yield words.split()


def problem(words: list[str], commands: TyperGroup) -> str | None:
    """What is wrong with a command line; ``list | show`` after a group stands for several commands."""
    names, rest = words[:1], words[1:]
    while rest[:1] == ["|"]:
        names, rest = [*names, rest[1]], rest[2:]
    for name in names:
        if name not in commands.commands:
            return f"there is no `{name}`"
    command = commands.commands[names[0]]
    if isinstance(command, TyperGroup):
        return problem(rest, command) if rest and re.fullmatch("[a-z-]+", rest[0]) else None
    known = {"--help"} | {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    given = {word.strip("[]").partition("=")[0] for word in rest if word.strip("[]").startswith("--")}
    unknown = sorted(given - known)
    return f"there are no options {', '.join(unknown)}" if unknown else None


@pytest.fixture(scope="module")
def commands() -> TyperGroup:
    """The whole command line."""
    found = typer.main.get_command(application())
    assert isinstance(found, TyperGroup)
    return found


@all_pages
def test_commands_exist(page: Path, commands: TyperGroup) -> None:
    wrong = {" ".join(words): found for words in mentions(page) if (found := problem(words, commands))}
    assert wrong == {}


def test_a_wrong_command_is_noticed(commands: TyperGroup) -> None:
    assert problem(["seal", "status", "--json"], commands) is None
    assert problem(["seals"], commands) == "there is no `seals`"
    assert problem(["backup", "create", "|", "lists"], commands) == "there is no `lists`"
    assert problem(["serve", "--hosts", "::1", "--port"], commands) == "there are no options --hosts"


def test_the_settings_table_is_the_settings() -> None:
    """Names, variables and plain defaults. Defaults that are worked out are words in the table."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| `(\w+)` \| (.*?) \|", SETTINGS.read_text("utf-8"))
    assert [name for name, _, _ in rows] == list(dict.fromkeys(name for name, _, _ in rows))
    assert {name: variable for name, variable, _ in rows} == {
        name: f"STRONGROOM_{name.upper()}" for name in Settings.model_fields
    }
    plain = {
        name: f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, LITERALS)
    }
    assert {name: default for name, _, default in rows if name in plain} == plain


@all_pages
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text("utf-8")))
    assert {name for text in code(page) for name in re.findall(r"^make ([a-z]+)", text)} <= targets


@all_pages
def test_files_and_modules_exist(page: Path) -> None:
    """Whatever looks like a path of the repository, patterns included, and modules that are run."""
    paths = {path for text in code(page) for path in re.findall(r"^(?:tests|docs|scripts|src|benchmarks)/\S+$", text)}
    modules = {name for text in code(page) for name in re.findall(r"python -m ((?:benchmarks|demo)\S*)", text)}
    missing = {path for path in paths if not any(ROOT.glob(path))}
    missing |= {name for name in modules if not any(ROOT.glob(f"{name.replace('.', '/')}*"))}
    assert missing == set()


@all_pages
def test_named_tests_exist(page: Path) -> None:
    names = {name for text in code(page) for name in re.findall(r"\b(test_\w+)\*$", text)}
    files = list((ROOT / "tests").rglob("test_*.py")) if names else []
    texts = [path.name + path.read_text("utf-8") for path in files]
    assert {name for name in names if not any(name in text for text in texts)} == set()


@pytest.mark.parametrize("page", [*PAGES, HISTORY], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match("[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (heading and heading not in headings(found)):
            broken.append(target)
    assert broken == []


def headings(page: Path) -> set[str]:
    """The anchors of a page."""
    titles = re.findall(r"(?m)^#+ (.*)$", page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
