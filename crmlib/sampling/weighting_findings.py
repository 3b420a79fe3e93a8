"""What a manager should know, in sentences: page one of the weighting report."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib.findings import Finding


@dataclass(frozen=True)
class Words:
    """How the report names things.

    Attributes
    ----------
    score : str
        What was asked for, such as "overall satisfaction".
    unit : str
        Its unit, such as "points".
    who : str
        Who was asked, such as "customers".
    confidence : float
        Level of the intervals.
    minimum_n : int
        Answers below which nothing is said of a segment.
    """

    score: str
    unit: str
    who: str
    confidence: float = 0.95
    minimum_n: int = 20

    def number(self, value: float, error: float) -> str:
        """Write a score with the digits that its standard error leaves meaning."""
        return f"{value:,.{decimals(error)}f}".replace("-", "−")

    def change(self, value: float, error: float) -> str:
        """Write a difference of scores, with its sign."""
        return f"{value:+,.{decimals(error)}f}".replace("-", "−")


def weighting_findings(
    estimates: pd.DataFrame,
    segments: pd.DataFrame,
    response: pd.DataFrame | None,
    words: Words,
) -> list[Finding]:
    """Findings of the weighting report: the score, what weighting did, who answered, who differs.

    Parameters
    ----------
    estimates : DataFrame
        One row a set of weights, equal weights first and the final ones last: n, estimate,
        standard_error, low, high, effective_n, sum_of_weights.
    segments : DataFrame
        One row a segment: variable, segment, n, estimate, share_of_answers, share_of_population,
        and what `segment_differences` says.
    response : DataFrame or None
        One row a segment: variable, segment, asked, answered, response_share, low_share,
        high_share, and what `segment_differences` says; the first row is of everybody. None where
        it is not known who was asked.
    words : Words

    Returns
    -------
    list of Finding
    """
    return [
        score_finding(estimates, response, words),
        shift_finding(estimates, segments, words),
        response_finding(response, words),
        segments_finding(segments, estimates.iloc[-1]["standard_error"], words),
    ]


def score_finding(estimates: pd.DataFrame, response: pd.DataFrame | None, words: Words) -> Finding:
    """The score with its interval and the answers behind it."""
    final = estimates.iloc[-1]
    n, error = int(final["n"]), final["standard_error"]
    population = round(final["sum_of_weights"])
    whose = f"all {population:,} {words.who}" if population > n else f"the {n:,} {words.who}"
    score, low, high = (words.number(final[name], error) for name in ("estimate", "low", "high"))
    text = (
        f"{capital(words.score)} of {whose} is about {score} {words.unit}: likely between {low} "
        f"and {high} ({words.confidence:.0%} interval)."
    )
    asked = "" if response is None else f" of {response.iloc[0]['asked']:,} asked"
    detail = f"From {n:,} answers{asked}."
    if not all_equal(final):
        detail += (
            f" Because their weights differ, they tell as much as {final['effective_n']:,.0f} "
            "answers of equal weight."
        )
    return Finding(text, detail)


def all_equal(estimate: pd.Series) -> bool:
    """Whether all answers of an estimate have the same weight."""
    return bool(np.isclose(estimate["effective_n"], estimate["n"], rtol=1e-9))


def shift_finding(estimates: pd.DataFrame, segments: pd.DataFrame, words: Words) -> Finding:
    """How far weighting moved the score, and whose answers made it move."""
    plain, final = estimates.iloc[0], estimates.iloc[-1]
    error = final["standard_error"]
    before, after = words.number(plain["estimate"], error), words.number(final["estimate"], error)
    shift = final["estimate"] - plain["estimate"]
    if all_equal(final):
        return Finding(
            f"Every answer counts the same: {after} {words.unit} is the plain mean.",
            "Nothing is known that would say which answers should count more.",
        )
    told = segments.dropna(subset="difference")
    if told.empty:
        return Finding(
            f"Weighting moves the score from {before} to {after} ({words.change(shift, error)}).",
            "Whose answers made it move cannot be said: all segments are too small.",
        )
    gap = told["share_of_population"] - told["share_of_answers"]
    if abs(shift) < error / 2:
        main = told.iloc[int(np.argmax(gap.abs()))]
        return Finding(
            f"Weighting hardly moves the score: {before} as answered, {after} weighted.",
            f"The largest gap between the answers and the {words.who} they stand for: "
            f"{presence(main, words)}, scoring {words.number(main['estimate'], error)}. All gaps "
            "together move the score too little to matter.",
        )
    moved = gap * (told["estimate"] - final["estimate"]) * np.sign(shift)
    main = told.iloc[int(np.argmax(moved))]
    text = f"Weighting moves the score from {before} to {after} ({words.change(shift, error)})."
    if moved.groupby(told["variable"]).sum().max() < abs(shift) / 2:
        return Finding(
            text,
            "The shares of the segments shown do not explain it: within them, the answers that "
            f"count more score {'lower' if shift < 0 else 'higher'}.",
        )
    return Finding(
        text,
        f"Most of that: {presence(main, words)}; they score "
        f"{words.number(main['estimate'], error)}, the others "
        f"{words.number(main['others'], error)}.",
    )


def response_finding(response: pd.DataFrame | None, words: Words) -> Finding:
    """Who answered too little, as far as chance does not explain it."""
    if response is None:
        return Finding(
            "Who did not answer is not known.",
            f"The table holds the answers only. With the table of all {words.who} that were "
            "asked (parameter asked), the report shows who stayed silent and allows for it.",
        )
    everybody, rows = response.iloc[0], response.iloc[1:]
    silent = (
        f" What the silent think is not known: if they score 1 lower than similar {words.who} who "
        f"answered, the score of all is {1 - everybody['response_share']:.2f} lower."
    )
    rate = f"{everybody['response_share']:.0%} of those asked answered"
    beyond = rows["adjusted_p_value"] < 1 - words.confidence
    too_few = rows[beyond & (rows["difference"] < 0)].sort_values("response_share")
    if too_few.empty:
        lowest = rows.sort_values("response_share").iloc[0]
        return Finding(
            f"{rate}, and no segment answered less than the others by more than chance explains.",
            f"The lowest: {answered(lowest)}.{silent}",
        )
    return Finding(
        f"{rate}; too few did among {listed([named(row) for _, row in too_few.iterrows()])}.",
        f"{capital('; '.join(answered(row) for _, row in too_few.head(3).iterrows()))}. Their "
        f"answers count more, for those who were silent.{silent}",
    )


def segments_finding(segments: pd.DataFrame, error: float, words: Words) -> Finding:
    """Which segments differ from the others beyond chance, and which have too few answers."""
    few = segments[segments["n"] < words.minimum_n]
    silence = ""
    if len(few):
        names = listed([named(row) for _, row in few.iterrows()], most=6)
        silence = f" Too few to say, with fewer than {words.minimum_n} answers: {names}."
    told = segments.dropna(subset="difference")
    if told.empty:
        return Finding("Whether segments differ cannot be said from these answers.", silence[1:])
    told = told.assign(half=(told["difference_high"] - told["difference_low"]) / 2)
    beyond = told["adjusted_p_value"] < 1 - words.confidence
    if not beyond.any():
        nearest = told.sort_values("p_value").iloc[0]
        hidden = words.number(told["half"].median(), error)
        return Finding(
            "No segment differs from the others by more than chance explains.",
            f"The nearest to it: {compared(nearest, error, words)}. With so few answers a "
            f"difference below about {hidden} {words.unit} does not show in a segment of usual "
            f"size: do not rank segments by these figures.{silence}",
        )
    differing = told[beyond].sort_values("p_value")
    low, high = (differing[differing["difference"] * sign > 0] for sign in (-1, 1))
    sentences = [
        f"{word} than the others, by more than chance explains: "
        f"{listed([named(row) for _, row in side.iterrows()])}."
        for side, word in ((low, "Lower"), (high, "Higher"))
        if len(side)
    ]
    return Finding(
        " ".join(sentences),
        f"{capital('; '.join(compared(row, error, words) for _, row in differing.iterrows()))}."
        f"{silence}",
    )


def compared(row: pd.Series, error: float, words: Words) -> str:
    """A segment's score and how far it lies from that of the others."""
    low, high = (words.change(row[f"difference_{end}"], error) for end in ("low", "high"))
    return (
        f"{named(row)} {words.number(row['estimate'], error)} from {int(row['n']):,} answers, "
        f"{words.change(row['difference'], error)} against the others ({low} to {high})"
    )


def presence(row: pd.Series, words: Words) -> str:
    """Share of a segment in the population and among the answers."""
    return (
        f"{named(row)} with {row['share_of_population']:.0%} of the {words.who} and "
        f"{row['share_of_answers']:.0%} of the answers"
    )


def answered(row: pd.Series) -> str:
    """Response rate of a segment with its interval and count."""
    return (
        f"{named(row)} {row['response_share']:.0%}, {int(row['answered']):,} of "
        f"{int(row['asked']):,} (interval {row['low_share']:.0%} to {row['high_share']:.0%})"
    )


def named(row: pd.Series) -> str:
    """Name a segment: East (region)."""
    return f"{row['segment']} ({str(row['variable']).replace('_', ' ')})"


def decimals(error: float) -> int:
    """Digits after the point, so that the first digit of the standard error shows."""
    if not (np.isfinite(error) and error > 0):
        return 2
    return int(max(0, -np.floor(np.log10(error))))


def listed(parts: list[str], most: int = 12) -> str:
    """Join words to a list: a, b and c; of more than ``most`` the first and how many more."""
    if len(parts) > most:
        parts = [*parts[: most - 1], f"{len(parts) - most + 1:,} more"]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def capital(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]
