"""Which segments differ from the rest by more than chance explains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from crmlib.columns import codes_of, numbers_of, rows_named
from crmlib.errors import InputError
from crmlib.multiple_testing import holm
from crmlib.sampling.estimation import degrees_of_freedom, linearised_variance
from crmlib.sampling.samples import Array, SurveySample


def segment_differences(
    sample: SurveySample,
    y: str,
    by: Sequence[str],
    *,
    confidence: float = 0.95,
    minimum_n: int = 2,
) -> pd.DataFrame:
    """Compare the mean of each segment with that of all other rows.

    The difference ``d = sum_s w y / sum_s w - sum_o w y / sum_o w`` has the linearised values
    ``(y - mean_s) / sum_s w`` in the segment and ``-(y - mean_o) / sum_o w`` outside, so that its
    variance knows the design, and the covariance of the two means with it. Of many comparisons
    some look large by chance: the adjusted p-values are Holm's (1979), over all comparisons. The
    two segments of a column with two values are one comparison.

    Parameters
    ----------
    sample : SurveySample
    y : str
        Column of numbers, or of true and false.
    by : sequence of str
        Columns whose values are the segments.
    confidence : float
        Level of the intervals, which are those of single comparisons.
    minimum_n : int
        Rows that a segment and all others must have; smaller ones are not compared.

    Returns
    -------
    DataFrame
        One row a segment: variable, segment, others (their mean), difference, difference_low,
        difference_high, p_value, adjusted_p_value.

    Raises
    ------
    InputError
        When a column cannot be used, a value is missing, or a stratum has one unit.

    Notes
    -----
    Checked against a weighted regression on an indicator with HC0 standard errors (statsmodels),
    which is the same but for the factor n / (n - 1).
    """
    values = numbers_of(sample.data, y, "numbers")
    unknown = np.flatnonzero(~np.isfinite(values))
    if len(unknown):
        raise InputError(
            f'Column "{y}": {len(unknown):,} values are missing or infinite; '
            f"{rows_named(sample.data, unknown)}. Take these rows out, or fill them in."
        )
    degrees = degrees_of_freedom(sample)
    t = stats.t.ppf(0.5 + confidence / 2, degrees) if degrees > 0 else np.nan
    rows = []
    for column in by:
        codes, labels = codes_of(sample.data, column)
        for k, label in enumerate(labels):
            inside = codes == k
            enough = min(inside.sum(), (~inside).sum()) >= minimum_n
            found = _difference(sample, values, inside) if enough else (np.nan,) * 3
            rows.append((column, label, *found))
    table = pd.DataFrame(rows, columns=["variable", "segment", "others", "difference", "error"])
    table["segment"] = table["segment"].astype(object)
    error = table.pop("error")
    table["difference_low"] = table["difference"] - t * error
    table["difference_high"] = table["difference"] + t * error
    # Where nothing varies, equal means differ by nothing.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(table["difference"] == 0, 0.0, table["difference"].abs() / error)
    table["p_value"] = 2 * stats.t.sf(ratio, degrees) if degrees > 0 else np.nan
    of_column = table.groupby("variable", sort=False)["segment"]
    mirrored = (of_column.transform("size") == 2) & (of_column.cumcount() == 1)
    adjusted = pd.Series(holm(table["p_value"].mask(mirrored).to_numpy()), table.index)
    table["adjusted_p_value"] = adjusted.where(~mirrored, adjusted.shift())
    return table


def _difference(
    sample: SurveySample, values: Array, inside: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Mean of the others, difference from it, and its standard error."""
    weights = [np.where(part, sample.weights, 0.0) for part in (inside, ~inside)]
    sums = [part.sum() for part in weights]
    if not all(sums):
        return np.nan, np.nan, np.nan
    segment, others = (part @ values / total for part, total in zip(weights, sums, strict=True))
    linearised = np.where(inside, (values - segment) / sums[0], (others - values) / sums[1])
    error = np.sqrt(linearised_variance(sample, linearised))
    return float(others), float(segment - others), float(error)
