"""What can be wrong with the cells of a column, as conditions that DuckDB works out."""

from collections.abc import Sequence
from dataclasses import dataclass

from crmlib.tables.engine import Column, cases, null


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong with a cell.

    Attributes
    ----------
    fails : Column
        True where it is wrong.
    wrong : str
        What is wrong, in a few words.
    to_do : str
        What to do about it, a sentence.
    """

    fails: Column
    wrong: str
    to_do: str


@dataclass(frozen=True)
class Conversion:
    """How a column is read.

    Attributes
    ----------
    value : Column
        The converted cells; null where a cell is empty or cannot be converted.
    checks : sequence of Check
        What may be wrong with a cell; the first that fails is told.
    """

    value: Column
    checks: Sequence[Check] = ()

    @property
    def problem(self) -> Column:
        """Why a cell cannot be used, null where it can."""
        told = [(check.fails.fill_null(False), check.wrong) for check in self.checks]
        return cases(*told, else_=null("string"))
