"""The example company's sampling frame: the people at its customers who can be asked.

Scores are made of what a sales area, a type of customer, a person and a wave add to the mean, so
that it is known what a sampling design can gain: little by strata of customer type, much by the
score of the last wave, and less than nothing by drawing whole areas.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

# Every account has one contact and up to seven more, each with the chance of its segment.
FURTHER_CONTACTS = 7
FURTHER_CONTACT_CHANCE = {
    "key account": 0.75,
    "steady mid-size": 0.37,
    "bargain hunter": 0.22,
    "occasional": 0.22,
}
# The largest area of a region has four times the accounts of the smallest.
AREAS_PER_REGION = 10
AREA_SHARES = np.linspace(0.04, 0.16, AREAS_PER_REGION)

# Standard deviations in points of a score from 0 to 100. They make a correlation of
# 25 / 168 = 0.15 between contacts of an area, and of 1 - 8.4 / 168 = 0.95 between waves.
MEAN_SCORE = 64.0
AREA_SPREAD = 5.0
PERSON_SPREAD = 11.6
WAVE_SPREAD = 2.9
SECOND_WAVE_SHIFT = 1.5
TYPE_SHIFTS = {"company": -0.4, "school": 0.8, "public office": 0.6, "shop": 0.2}

OPTED_OUT_SHARE = 0.04
WITHOUT_CONTACT = 12
WITHOUT_TYPE = 5
# Contacts with the address of a colleague, in as many ways of writing it as come in turn.
SHARED_ADDRESSES = 10
WAYS_OF_WRITING = ["{upper}", " {plain}", "{plain} ", " {upper} ", "{capitalized}"]


def contacts(
    random: Generator, accounts: pd.DataFrame, year: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the contacts of the accounts.

    Parameters
    ----------
    random
        Random numbers of this table's own.
    accounts
        Index customer_id; region, customer_type, segment, revenue.
    year
        The year of the latest wave; the one before it is a year earlier.

    Returns
    -------
    tuple of DataFrame
        The frame, one row per contact, and its truth, one row: see the data dictionary.
    """
    chance = accounts["segment"].map(FURTHER_CONTACT_CHANCE).to_numpy()
    number = 1 + random.binomial(FURTHER_CONTACTS, chance)
    area = _sales_areas(random, accounts["region"])
    people = accounts.assign(sales_area=area).loc[accounts.index.repeat(number)]
    people = people.rename_axis("account").reset_index()
    unit_id = pd.Series([f"K{place:04d}" for place in range(1, len(people) + 1)])
    frame = pd.DataFrame(
        {
            "unit_id": unit_id,
            "contact": unit_id.str.lower() + "@example.com",
            "opted_out": "no",
            "account": people["account"],
            "sales_area": people["sales_area"],
            "region": people["region"],
            "customer_type": people["customer_type"],
            "revenue": people["revenue"],
        }
    )
    last, latest = _scores(random, frame)
    frame[f"score_{year - 1}"] = last
    frame[f"score_{year}"] = latest
    truth = _truth(frame, last, latest)
    _put_in_faults(random, frame)
    return frame, truth.assign(opted_out=np.count_nonzero(frame["opted_out"] == "yes"))


def _sales_areas(random: Generator, region: pd.Series) -> pd.Series:
    """Share the accounts of each region out among its areas."""
    area = pd.Series("", index=region.index)
    for name, accounts in region.groupby(region):
        place = (random.permutation(len(accounts)) + 0.5) / len(accounts)
        number = 1 + np.searchsorted(np.cumsum(AREA_SHARES), place)
        area.loc[accounts.index] = np.array([f"{name} {n:02d}" for n in number])
    return area


def _scores(random: Generator, frame: pd.DataFrame) -> list[NDArray[np.float64]]:
    """Return the scores of two waves."""
    areas, area = np.unique(frame["sales_area"], return_inverse=True)
    of_area = random.normal(size=len(areas))[area]
    # So few draws would spread more in one example than in the next: they are made to fit.
    of_area = AREA_SPREAD * (of_area - of_area.mean()) / of_area.std()
    lasting = (
        MEAN_SCORE
        + of_area
        + frame["customer_type"].map(TYPE_SHIFTS).to_numpy()
        + random.normal(0, PERSON_SPREAD, len(frame))
    )
    waves = [
        lasting + shift + random.normal(0, WAVE_SPREAD, len(frame))
        for shift in (0.0, SECOND_WAVE_SHIFT)
    ]
    return [np.clip(np.round(wave, 1), 0, 100) for wave in waves]


def _put_in_faults(random: Generator, frame: pd.DataFrame) -> None:
    """Spoil some rows, and have some contacts opt out; no contact gets two of these."""
    place_in_account = frame.groupby("account").cumcount().to_numpy()
    second = random.choice(np.flatnonzero(place_in_account == 1), SHARED_ADDRESSES, replace=False)
    others = np.setdiff1d(np.arange(len(frame)), [second, second - 1])
    n_opted_out = round(OPTED_OUT_SHARE * len(frame))
    drawn = random.choice(others, WITHOUT_CONTACT + WITHOUT_TYPE + n_opted_out, replace=False)
    no_contact, no_type, opted_out = np.split(
        drawn, [WITHOUT_CONTACT, WITHOUT_CONTACT + WITHOUT_TYPE]
    )
    for turn, row in enumerate(second):
        plain = frame.loc[row - 1, "contact"]
        way = WAYS_OF_WRITING[turn % len(WAYS_OF_WRITING)]
        frame.loc[row, "contact"] = way.format(
            plain=plain, upper=plain.upper(), capitalized=plain.capitalize()
        )
    frame.loc[no_contact, "contact"] = None
    frame.loc[no_type, "customer_type"] = None
    frame.loc[opted_out, "opted_out"] = "yes"


def _truth(
    frame: pd.DataFrame, last: NDArray[np.float64], latest: NDArray[np.float64]
) -> pd.DataFrame:
    """Return what a sample should find, worked out before any fault is put in."""
    return pd.DataFrame(
        {
            "contacts": [len(frame)],
            "mean_score": [latest.mean().round(4)],
            "spread_score": [latest.std(ddof=1).round(4)],
            "area_correlation": [_homogeneity(latest, frame["sales_area"])],
            "type_correlation": [_homogeneity(latest, frame["customer_type"])],
            "wave_correlation": [np.corrcoef(last, latest)[0, 1].round(4)],
            "without_contact": [WITHOUT_CONTACT],
            "shared_addresses": [SHARED_ADDRESSES],
            "without_customer_type": [WITHOUT_TYPE],
        }
    )


def _homogeneity(score: NDArray[np.float64], group: pd.Series) -> float:
    """Return 1 less the variance within groups as a share of the whole (Lohr 2022, 5.2.2)."""
    scores = pd.Series(score, index=group.index)
    within = scores - scores.groupby(group).transform("mean")
    mean_square = (within**2).sum() / (len(scores) - group.nunique())
    return round(float(1 - mean_square / scores.var()), 4)
