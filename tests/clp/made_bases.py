"""Transactions of small made-up customer bases, for tests of forecasts and backtests."""

import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2023-01-02")


def transactions(customers=60, *, purchases=8.0, days=698, seed=0, latest=None):
    """Customers that buy at random days, on average so often; amounts 10 to 99, margin 40 %."""
    random = np.random.default_rng(seed)
    counts = 1 + random.poisson(purchases, customers)
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{i:03}" for i in range(customers)], counts),
            "date": FIRST + pd.to_timedelta(random.integers(0, latest or days, counts.sum()), "D"),
            "amount": random.integers(10, 100, counts.sum()).astype(float),
        }
    )
    return frame.assign(cost=(0.6 * frame["amount"]).round(2))


def buy_till_you_die(customers, weeks, *, r, alpha, a, b, seed):
    """Purchases of the BG/NBD model with gamma spend, first purchases over the first 20 weeks.

    Written from the model's story, one customer after another; no formula of the package.
    """
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        rate, leaves = random.gamma(r, 1 / alpha), random.beta(a, b)
        spend = random.gamma(6.0, 1.0) * 5
        when = random.uniform(0, 20)
        rows.append((number, when, spend))
        while True:
            when += random.exponential(1 / rate)
            if when > weeks:
                break
            rows.append((number, when, random.gamma(4.0, spend / 4)))
            if random.random() < leaves:
                break
    frame = pd.DataFrame(rows, columns=["customer_id", "week", "amount"])
    return pd.DataFrame(
        {
            "customer_id": frame["customer_id"].map("C{:05}".format),
            "date": FIRST + pd.to_timedelta(np.floor(frame["week"] * 7), "D"),
            "amount": frame["amount"].round(2).clip(lower=0.01),
        }
    )


def recency_chain(customers, months, probabilities, *, seed):
    """Customers won in the first month that buy in a month with a probability by recency."""
    random = np.random.default_rng(seed)
    p = np.asarray(probabilities)
    recency = np.zeros(customers, dtype=int)
    rows = [pd.DataFrame({"customer": np.arange(customers), "month": 0})]
    for month in range(1, months):
        buys = random.random(customers) < p[recency]
        recency = np.where(buys, 0, np.minimum(recency + 1, len(p) - 1))
        rows.append(pd.DataFrame({"customer": np.flatnonzero(buys), "month": month}))
    frame = pd.concat(rows, ignore_index=True)
    return pd.DataFrame(
        {
            "customer_id": frame["customer"].map("C{:05}".format),
            "date": (pd.Period("2023-01") + frame["month"]).map(lambda p: p.start_time),
            "amount": random.gamma(4.0, 5.0, len(frame)).round(2) + 0.01,
        }
    )
