"""What every table is made of: the metadata they are gathered in, and the kinds of columns."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Text

__all__ = ["byte_ordered", "flag", "metadata", "number", "sealed", "text"]

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    """A text column."""
    return Column(name, Text, nullable=null, primary_key=key)


def byte_ordered(name: str) -> Column[str]:
    """Text that both engines compare byte by byte, whatever language the database was made for."""
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=False)


def number(name: str, *, null: bool = False, key: bool = False) -> Column[int]:
    """A whole number."""
    return Column(name, BigInteger, nullable=null, primary_key=key, autoincrement=False)


def flag(name: str) -> Column[int]:
    """0 or 1."""
    return Column(name, Integer, nullable=False)


def sealed(name: str, *, null: bool = False) -> Column[bytes]:
    """Bytes that `keyring` sealed."""
    return Column(name, LargeBinary, nullable=null)
