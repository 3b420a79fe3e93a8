"""The path models of the national customer satisfaction barometers."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Preset:
    """A path model that is known by name.

    Attributes
    ----------
    name : str
    constructs : mapping of str to str
        Name of each construct, and what its items ask.
    paths : tuple of (str, str)
        Which construct leads to which.
    source : str
        Where the model was published.
    """

    name: str
    constructs: Mapping[str, str]
    paths: tuple[tuple[str, str], ...]
    source: str


MEANING = {
    "image": "what the company stands for: known, reliable, caring, ahead of others",
    "expectation": "what customers expected before they bought",
    "performance": "how good what they got is for its price, and the price for what it is",
    "quality": "how good products and services turned out to be, whatever the price",
    "value": "quality for the price paid, and price for the quality got",
    "satisfaction": "satisfied over all, expectations met, close to the ideal",
    "complaints": "how well complaints are handled, or how little there is to complain about",
    "loyalty": "would buy again, recommend, stay when prices rise",
}
"""What the constructs of all presets ask."""


def _preset(name: str, chains: Mapping[str, tuple[str, ...]], source: str) -> Preset:
    paths = tuple((start, end) for start, ends in chains.items() for end in ends)
    used = {construct for path in paths for construct in path}
    meaning = {construct: text for construct, text in MEANING.items() if construct in used}
    return Preset(name, MappingProxyType(meaning), paths, source)


SCSB = _preset(
    "SCSB",
    {
        "expectation": ("performance", "satisfaction"),
        "performance": ("satisfaction",),
        "satisfaction": ("complaints", "loyalty"),
        "complaints": ("loyalty",),
    },
    "Fornell, C. (1992). A national customer satisfaction barometer: The Swedish experience. "
    "Journal of Marketing 56, 6–21.",
)
"""Swedish barometer: perceived performance and expectations lead to satisfaction."""

ACSI = _preset(
    "ACSI",
    {
        "expectation": ("quality", "value", "satisfaction"),
        "quality": ("value", "satisfaction"),
        "value": ("satisfaction",),
        "satisfaction": ("complaints", "loyalty"),
        "complaints": ("loyalty",),
    },
    "Fornell, C., Johnson, M. D., Anderson, E. W., Cha, J. and Bryant, B. E. (1996). The American "
    "customer satisfaction index: Nature, purpose, and findings. Journal of Marketing 60, 7–18.",
)
"""American index: perceived quality becomes a construct apart from perceived value."""

ECSI = _preset(
    "ECSI",
    {
        "image": ("expectation", "satisfaction", "loyalty"),
        "expectation": ("quality", "value", "satisfaction"),
        "quality": ("value", "satisfaction"),
        "value": ("satisfaction",),
        "satisfaction": ("complaints", "loyalty"),
        "complaints": ("loyalty",),
    },
    "Tenenhaus, M., Esposito Vinzi, V., Chatelin, Y.-M. and Lauro, C. (2005). PLS path modeling. "
    "Computational Statistics & Data Analysis 48, 159–205.",
)
"""European index: the American one with the image of the company."""
