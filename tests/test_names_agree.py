"""Names that must agree: commands that texts mention exist, Make targets and routes are in the README."""

import re
from pathlib import Path

import click
import pytest
import typer

import bank
from crm_rules.governance import materiality
from training import gates
from training.release import manifest

ROOT = Path(bank.__file__).parent
ROOMS = ("feature_repo", "crm_rules", "training", "monitoring", "serving")
MENTION = re.compile(r"`bank ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def commands() -> dict[str, set[str]]:
    """Every command by name, with its subcommands."""
    group = typer.main.get_command(bank.app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    return {name: set(getattr(command, "commands", {})) for name, command in group.commands.items()}


def mentions() -> list[tuple[str, str, str]]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    files += [
        ROOT / "bank.py",
        *ROOT.glob("*.md"),
        *(p for room in ROOMS for p in (ROOT / room).rglob("*.md")),
    ]
    return [
        (str(path.relative_to(ROOT)), found[1], found[2] or "")
        for path in files
        for found in MENTION.finditer(path.read_text())
    ]


def test_every_command_a_text_mentions_exists():
    known = commands()
    wrong = [
        mention
        for mention in mentions()
        if mention[1] not in known
        or (known[mention[1]] and mention[2] and mention[2] not in known[mention[1]])
    ]
    assert mentions()
    assert wrong == []


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_make_target_and_command_stands_in_the_readme(readme):
    text = (ROOT / readme).read_text()
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    missing = [f"make {target}" for target in targets if f"make {target}" not in text]
    missing += [f"bank {command}" for command in commands() if f"bank {command}" not in text]
    assert missing == []


def test_kinds_of_gates_and_parts_are_the_same_where_they_are_named():
    assert sorted(gates.KINDS) == sorted(materiality.KINDS)
    assert materiality.PARTS == manifest.PARTS
