"""What a path model is made of: its constructs, their items and what leads to what, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crmlib.columns import Codes, listed
from crmlib.errors import InputError
from crmlib.satisfaction.path_estimation import Flags
from crmlib.satisfaction.path_presets import Preset

Paths = Sequence[tuple[str, str]] | Preset
"""Pairs of constructs, the one that leads to the other first, or a model with a name."""


@dataclass(frozen=True, eq=False)
class Structure:
    """The model in numbers: items and constructs in order, whose an item is, what leads where."""

    constructs: tuple[str, ...]
    items: tuple[str, ...]
    block: Codes
    leads: Flags

    @property
    def paths(self) -> Codes:
        """Numbers of the constructs at the ends of every path, by the end, shape (paths, 2)."""
        return ordered_pairs(self.leads)

    @property
    def explained(self) -> list[int]:
        """Numbers of the constructs that something leads to."""
        return [j for j in range(len(self.leads)) if self.leads[:, j].any()]

    def items_of(self, construct: int) -> list[str]:
        """Names of the items of one construct."""
        return [self.items[i] for i in np.flatnonzero(self.block == construct)]


def ordered_pairs(joined: Flags) -> Codes:
    """Numbers of constructs that are joined, by the second and then the first."""
    return np.argwhere(joined.T)[:, ::-1]


def structure_of(blocks: Mapping[str, Sequence[str]], paths: Paths) -> Structure:
    """The model in numbers, checked."""
    wanted = tuple(paths.constructs) if isinstance(paths, Preset) else tuple(blocks)
    pairs = list(paths.paths if isinstance(paths, Preset) else paths)
    if isinstance(paths, Preset):
        refuse_other_constructs(blocks, paths)
    refuse_bad_blocks(blocks)
    refuse_bad_paths(pairs, wanted)
    leads = np.zeros((len(wanted), len(wanted)), dtype=bool)
    for start, end in pairs:
        leads[wanted.index(start), wanted.index(end)] = True
    refuse_circle(leads, wanted)
    return Structure(
        constructs=wanted,
        items=tuple(item for construct in wanted for item in blocks[construct]),
        block=np.repeat(np.arange(len(wanted)), [len(blocks[construct]) for construct in wanted]),
        leads=leads,
    )


def refuse_other_constructs(blocks: Mapping[str, Sequence[str]], preset: Preset) -> None:
    """Stop where the blocks are not those of the preset."""
    absent = [construct for construct in preset.constructs if construct not in blocks]
    unknown = [construct for construct in blocks if construct not in preset.constructs]
    if absent or unknown:
        faults = [f"items for {listed(absent)} are missing"] if absent else []
        faults += [f"it has no {listed(unknown)}"] if unknown else []
        raise InputError(
            f"{preset.name} has the constructs {listed(preset.constructs, shown=9)}; "
            f"{'; '.join(faults)}. Mend blocks, or write the paths that can be had: "
            '[("quality", "satisfaction"), ("satisfaction", "loyalty")].'
        )


def refuse_bad_blocks(blocks: Mapping[str, Sequence[str]]) -> None:
    """Every construct has items, none of them shared."""
    owner: dict[str, str] = {}
    for construct, items in blocks.items():
        if isinstance(items, str) or not len(items):
            raise InputError(
                f'Construct "{construct}" has no list of items. Give at least one column, in a '
                f'list: {{"{construct}": ["q01", "q02"]}}.'
            )
        for item in items:
            if item in owner:
                raise InputError(
                    f'Item "{item}" stands for "{owner[item]}" and again for "{construct}": what '
                    "both share would come from the item itself. Keep it in one place."
                )
            owner[item] = construct


def refuse_bad_paths(pairs: Sequence[tuple[str, str]], constructs: Sequence[str]) -> None:
    """Paths join constructs there are, each pair once, and leave none out."""
    if not pairs:
        raise InputError('There are no paths. Give pairs such as ("quality", "satisfaction").')
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2:
            raise InputError(f'The path {pair!r} is no pair: write ("quality", "satisfaction").')
        for construct in pair:
            if construct not in constructs:
                raise InputError(
                    f'The path from "{pair[0]}" to "{pair[1]}" names "{construct}", which has no '
                    f"items in blocks. There are {listed(constructs, shown=20)}."
                )
        if list(pairs).count(pair) > 1:
            raise InputError(f'The path from "{pair[0]}" to "{pair[1]}" is given twice.')
    alone = [
        construct for construct in constructs if construct not in {c for p in pairs for c in p}
    ]
    if alone:
        raise InputError(
            f"No path starts or ends at {listed(alone)}: weights of items are found through the "
            "neighbours of their construct. Add a path or take the block out."
        )


def refuse_circle(leads: Flags, constructs: Sequence[str]) -> None:
    """Stop where following paths leads back: least squares cannot tell cause from effect there."""
    left = list(range(len(leads)))
    while left:
        inside = leads[np.ix_(left, left)]
        # Constructs that nothing leads to, or that lead to nothing, are in no circle.
        stays = [inside[k].any() and inside[:, k].any() for k in range(len(left))]
        if all(stays):
            raise InputError(
                f"The paths run in a circle through {listed([constructs[i] for i in left])}. Take "
                "out the path that goes against the order in time."
            )
        left = [i for i, stay in zip(left, stays, strict=True) if stay]
