"""What a person sees: one line for each thing done, and a check mark or a cross for each thing that must hold."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


class Screen:
    """Prints the story and remembers whether everything held."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True, emoji=False)
        self.failures: list[str] = []

    def chapter(self, number: int, title: str) -> None:
        """Begin a step of the story."""
        self.console.print(f"\n[bold]{number}. {title}[/bold]")

    def say(self, text: str) -> None:
        """Tell something that was done."""
        self.console.print(f"   {text}", markup=False)

    def check(self, holds: bool, text: str) -> None:
        """Tell whether something that must hold does."""
        mark = "[green]✓[/green]" if holds else "[red]✗[/red]"
        self.console.print(f"   {mark} {text}")
        if not holds:
            self.failures.append(text)

    def table(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Show names and figures."""
        table = Table(title=title, show_header=False, title_justify="left", box=None, padding=(0, 2))
        for name, figure in rows:
            table.add_row(name, figure)
        self.console.print()
        self.console.print(table)
