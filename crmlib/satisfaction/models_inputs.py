"""What a reader of the report on models writes down: the model, its blocks, the pairs of Kano."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from crmlib.columns import listed, starred
from crmlib.errors import InputError
from crmlib.satisfaction.path_presets import ACSI, ECSI, MEANING, SCSB, Preset
from crmlib.tables.faults import did_you_mean

OWN = "own"
"""Name of a model made of paths that were given."""

PRESETS = {preset.name: preset for preset in (SCSB, ACSI, ECSI)}


def chosen_model(model: str, paths: Sequence[str] = ()) -> Preset:
    """The model of a name, or one made of paths.

    Parameters
    ----------
    model : str
        SCSB, ACSI or ECSI, in small or capital letters.
    paths : sequence of str
        "quality to satisfaction" and so on: a model of one's own instead, called `OWN`.

    Returns
    -------
    Preset

    Raises
    ------
    InputError
        There is no such model, or a path is none.
    """
    if not paths:
        if model.upper() not in PRESETS:
            raise InputError(
                f'There is no model "{model}". Take one of {", ".join(PRESETS)}, or give paths of '
                "your own."
            )
        return PRESETS[model.upper()]
    pairs = tuple(pair_of(path) for path in paths)
    names = dict.fromkeys(construct for pair in pairs for construct in pair)
    return Preset(OWN, {name: MEANING.get(name, "") for name in names}, pairs, "")


def pair_of(path: str) -> tuple[str, str]:
    """Both ends of "quality to satisfaction"."""
    start, word, end = (part.strip() for part in path.partition(" to "))
    if not (start and word and end):
        raise InputError(f'The path "{path}" must be written as in "quality to satisfaction".')
    return start, end


def blocks_for(
    preset: Preset, codebook: pd.DataFrame, instead: Mapping[str, str], source: str
) -> dict[str, list[str]]:
    """Items of the constructs of a model, by the blocks of a codebook.

    Parameters
    ----------
    preset : Preset
    codebook : DataFrame
        Columns item and block.
    instead : mapping of str to str
        Block to take for a construct that has none of its name.
    source : str
        What to call the codebook in messages.

    Returns
    -------
    dict of str to list of str
        In the order of the constructs.

    Raises
    ------
    InputError
        The codebook names no blocks, or none for a construct.
    """
    if "block" not in codebook or codebook["block"].isna().all():
        raise InputError(
            f"{source}: the column block is missing or empty. It says what each item asks about, "
            f"such as {listed(preset.constructs)}."
        )
    found = codebook.groupby("block", sort=False)["item"].agg(list).to_dict()
    blocks = {c: found.get(c) or found.get(instead.get(c, c), []) for c in preset.constructs}
    absent = [construct for construct, items in blocks.items() if not items]
    if absent:
        raise InputError(
            f"{source} has no items for {listed(absent)}, which the model {preset.name} needs; it "
            f"has the blocks {listed(found, shown=20)}. Name the block to take for it, as in "
            f"instead={absent[0]}=BLOCK, or take another model."
        )
    return blocks


def kano_pairs(
    columns: Iterable[str], patterns: Sequence[str], labels: Mapping[str, str] | None = None
) -> dict[str, tuple[str, str]]:
    """Features and the two columns of each, found by how the columns are called.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table.
    patterns : sequence of str
        Names of the columns with the answers if the feature were there and if it were not, with a
        star for the feature: "kano_*_with" and "kano_*_without". Empty for none.
    labels : mapping of str to str, optional
        Words for the first column of a feature, to call it by; unless two would be called alike.

    Returns
    -------
    dict of str to (str, str)
        The label, or what the star stands for, and the columns.

    Raises
    ------
    InputError
        The patterns are not two with one star each, or a column of a pair is missing.
    """
    if not patterns:
        return {}
    if len(patterns) != 2 or any(pattern.count("*") != 1 for pattern in patterns):
        raise InputError(
            f"kano={','.join(patterns)}: give two names with a star for the feature, such as "
            "kano_*_with,kano_*_without; or leave it empty, for no Kano analysis."
        )
    columns = [str(column) for column in columns]
    found = [starred(columns, pattern) for pattern in patterns]
    features = list(dict.fromkeys(found[0] + found[1]))
    if not features:
        guess = did_you_mean(patterns[0], columns)
        raise InputError(
            f"No column is called {patterns[0]} or {patterns[1]}{guess}. Say how the columns of "
            "Kano's questions are called, or leave kano empty, for no Kano analysis."
        )
    pairs = {f: (patterns[0].replace("*", f), patterns[1].replace("*", f)) for f in features}
    absent = [column for pair in pairs.values() for column in pair if column not in columns]
    if absent:
        raise InputError(
            f"The table has no column {listed(absent)}. Every feature is asked about twice: if it "
            "were there, and if it were not."
        )
    names = {feature: (labels or {}).get(pairs[feature][0], feature) for feature in pairs}
    if len(set(names.values())) < len(names):
        return pairs
    return {names[feature]: pair for feature, pair in pairs.items()}
