"""Repeatable measurements. ``make bench`` runs them all; README.md says what each means and what was measured last."""
