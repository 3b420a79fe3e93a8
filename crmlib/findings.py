"""What a report says on page one, and the words that all subjects say it with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding: a plain sentence with its number, and what explains it."""

    text: str
    detail: str


def counted(number: int, noun: str) -> str:
    """Write a number of things: 1 customer, 2,000 customers."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(parts: list[str]) -> str:
    """Join words to a list: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def amount(number: float, scale: float) -> str:
    """Write money in words a manager reads: three significant digits of the scale's unit."""
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if abs(scale) >= size:
            digits = f"{number / size:,.{2 if abs(scale) < 10 * size else 1}f}{word}"
            break
    else:
        digits = f"{round(number, -2) if abs(scale) >= 10_000 else number:,.0f}"
    return digits.replace("-", "−")
