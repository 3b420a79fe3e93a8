"""What a reader of the report on loyalty writes down: blocks, reasons and pairs of columns."""

from collections.abc import Iterable, Mapping, Sequence

from crmlib.columns import starred
from crmlib.errors import InputError
from crmlib.satisfaction.loyalty_types import QUESTIONS
from crmlib.tables.faults import did_you_mean


def columns_named(
    given: Sequence[str], blocks: Mapping[str, Sequence[str]], columns: Iterable[str]
) -> list[str]:
    """Columns meant by names of blocks or of columns.

    Parameters
    ----------
    given : sequence of str
        Blocks of the codebook, or columns.
    blocks : mapping of str to sequence of str
        Columns of each block.
    columns : iterable of str
        Columns of the table.

    Returns
    -------
    list of str
        Without repetition; empty where nothing is given.

    Raises
    ------
    InputError
        A name is neither a block nor a column, or a column of a block is not in the table.
    """
    have = [str(column) for column in columns]
    found = [column for name in given for column in blocks.get(name, [name])]
    for column in found:
        if column not in have:
            guess = did_you_mean(column, [*have, *blocks])
            raise InputError(
                f'"{column}" is neither a column of the answers nor a block of the codebook{guess}.'
            )
    return list(dict.fromkeys(found))


def reasons_named(given: Mapping[str, str]) -> dict[str, str]:
    """Column of each question that the types of loyalty need: the one named, else its own name.

    Raises
    ------
    InputError
        There is no such question.
    """
    for name in given:
        if name not in QUESTIONS:
            raise InputError(
                f'types={name}=…: there is no question "{name}"{did_you_mean(name, QUESTIONS)}. '
                f"The rules need {', '.join(QUESTIONS)}."
            )
    return {name: given.get(name, name) for name in QUESTIONS}


def pairs_named(
    columns: Iterable[str], patterns: Sequence[str], labels: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """What was expected and what was found, paired by how the columns are called.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table.
    patterns : sequence of str
        Names of the columns with what was expected and what was found, with a star for what
        differs between items: "expectation*" and "quality*". Empty for none.
    labels : mapping of str to str
        Words for columns. Pairs are called by the words their two labels begin with, if that
        tells all of them apart, else by the labels of what was found, else by its columns.

    Returns
    -------
    dict of str to (str, str)
        Only items that were asked for both ways.

    Raises
    ------
    InputError
        The patterns are not two with one star each, or no item was asked for both ways.
    """
    if not patterns:
        return {}
    if len(patterns) != 2 or any(pattern.count("*") != 1 for pattern in patterns):
        raise InputError(
            f"gaps={','.join(patterns)}: give two names with a star, such as "
            "expectation*,quality*; or leave it empty, for no gaps."
        )
    have = [str(column) for column in columns]
    expected, perceived = patterns
    stars = starred(have, expected)
    pairs = [(expected.replace("*", star), perceived.replace("*", star)) for star in stars]
    pairs = [pair for pair in pairs if pair[1] in have]
    if not pairs:
        raise InputError(
            f"No two columns are called {expected} and {perceived} with the same in place of the "
            f"star{did_you_mean(expected, have)}. Leave gaps empty, for no gaps."
        )
    for names in (
        [common_words(*pair, labels) for pair in pairs],
        [labels.get(found, found) for _, found in pairs],
    ):
        if all(names) and len(set(names)) == len(pairs):
            return dict(zip(names, pairs, strict=True))
    return {found: (wanted, found) for wanted, found in pairs}


def common_words(expected: str, perceived: str, labels: Mapping[str, str]) -> str:
    """Words that both labels begin with."""
    words = [labels.get(column, "").split() for column in (expected, perceived)]
    common = []
    for first, second in zip(*words, strict=False):
        if first != second:
            break
        common.append(first)
    return " ".join(common)
