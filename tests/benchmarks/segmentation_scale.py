"""RFM scores and both decile reports of millions of transactions: ours, by hand in SQL, in pandas.

Each way runs in a process of its own, which tells its time and the most memory it has held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from crmlib.segmentation.customer_totals import customer_totals
from crmlib.segmentation.deciles import deciles, purchase_deciles
from crmlib.segmentation.rfm import rfm_of_totals, rfm_scores
from crmlib.tables import engine
from tests.benchmarks.timing import peak_gigabytes

SIZES = (10_000_000, 50_000_000)
AS_OF = "2025-12-31"
A_CUSTOMER = 25
"""Transactions of a customer, on average."""

SMALL_MEGABYTES = 800
"""What DuckDB may hold. Of the larger table the bare values take about 2 GB. With 500 MB one run in
three found no room for the customers."""

GENERATE = """
COPY (
    SELECT
        'C' || lpad((hash(i) % {customers})::VARCHAR, 8, '0') AS customer_id,
        DATE '2020-01-01' + (hash(i + 1) % 2192)::INTEGER AS date,
        ((hash(i + 2) % 20000) * (1 + hash(hash(i) % {customers}) % 20))::BIGINT / 100.0 - 50
            AS amount,
        ((hash(i + 3) % 12000) * (1 + hash(hash(i) % {customers}) % 20))::BIGINT / 100.0 AS cost
    FROM range({rows}) AS numbers(i)
) TO '{path}' (FORMAT parquet)
"""

BY_HAND = """
CREATE TABLE totals AS
SELECT
    customer_id,
    DATE '{as_of}' - max(date) FILTER (amount > 0) AS recency,
    count(*) FILTER (amount > 0) AS frequency,
    sum(round(amount * 100)::BIGINT) / 100 AS monetary,
    (sum(round(amount * 100)::BIGINT) - sum(round(cost * 100)::BIGINT)) / 100 AS profit
FROM '{path}'
WHERE date <= DATE '{as_of}'
GROUP BY customer_id
ORDER BY customer_id;

CREATE TABLE cuts AS
SELECT
    quantile_cont(recency::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS recency,
    quantile_cont(frequency::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS frequency,
    quantile_cont(monetary, [0.2, 0.4, 0.6, 0.8]) AS monetary
FROM totals WHERE frequency > 0;

CREATE TABLE scores AS
SELECT
    totals.*,
    5 - len(list_filter(cuts.recency, lambda cut: cut + 1 <= totals.recency)) AS recency_score,
    1 + len(list_filter(cuts.frequency, lambda cut: cut + 1 <= totals.frequency))
        AS frequency_score,
    1 + len(list_filter(cuts.monetary, lambda cut: cut + 1 <= totals.monetary)) AS monetary_score
FROM totals, cuts WHERE totals.frequency > 0;

CREATE TABLE deciles AS
WITH ranked AS (
    SELECT *, ntile(10) OVER (ORDER BY profit DESC, customer_id) AS decile FROM totals
)
SELECT decile, count(*) AS customers, sum(monetary) AS revenue, sum(profit) AS profit,
    min(profit) AS lowest, max(profit) AS highest
FROM ranked GROUP BY decile ORDER BY decile;

CREATE TABLE tenths AS
WITH running AS (
    SELECT profit,
        sum(profit) OVER (ORDER BY profit DESC, customer_id ROWS UNBOUNDED PRECEDING) AS made,
        sum(profit) OVER () AS whole
    FROM totals WHERE profit > 0
)
SELECT floor(10 * (made - profit) / whole) AS tenth, count(*) AS customers
FROM running GROUP BY tenth ORDER BY tenth;
"""


def generate(rows: int, path: Path) -> None:
    """Write transactions of customers of very different size to a Parquet file."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(GENERATE.format(rows=rows, customers=rows // A_CUSTOMER, path=path))


def ours(path: Path) -> pd.DataFrame:
    """The functions of the workbook."""
    totals = customer_totals(engine.parquet_table(path), cost="cost", as_of=AS_OF)
    scores = rfm_scores(rfm_of_totals(totals))
    reports = deciles(totals.table, by="profit"), purchase_deciles(totals.table, by="profit")
    return told(scores.table, reports[0].table, totals.table["profit"].sum())


def ours_with_little_memory(path: Path) -> pd.DataFrame:
    """The same, where DuckDB may hold less than the table takes."""
    engine.connection().raw_sql(f"SET memory_limit = '{SMALL_MEGABYTES}MB'")
    return ours(path)


def by_hand(path: Path) -> pd.DataFrame:
    """SQL as one would write it for DuckDB."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(BY_HAND.format(path=path, as_of=AS_OF))
        scores, table, _ = (
            connection.execute(f"SELECT * FROM {name}").df()
            for name in ("scores", "deciles", "tenths")
        )
        profit = connection.execute("SELECT sum(profit) FROM totals").fetchone()
    return told(scores, table, profit[0] if profit else np.nan)


def in_pandas(path: Path) -> pd.DataFrame:
    """The same in pandas, all transactions in memory."""
    rows = pq.read_table(path).to_pandas(date_as_object=False)
    rows = rows[rows["date"] <= pd.Timestamp(AS_OF)]
    rows["revenue"] = (rows["amount"] * 100).round().astype("int64")
    rows["profit"] = rows["revenue"] - (rows["cost"] * 100).round().astype("int64")
    totals = rows.groupby("customer_id")[["revenue", "profit"]].sum() / 100
    bought = rows[rows["amount"] > 0].groupby("customer_id")["date"].agg(["max", "size"])
    totals["recency"] = (pd.Timestamp(AS_OF) - bought["max"]).dt.days
    totals["frequency"] = bought["size"]
    scored = totals[totals["frequency"] > 0].copy()
    for name, column in (("recency",) * 2, ("frequency",) * 2, ("monetary", "revenue")):
        cuts = scored[column].quantile([0.2, 0.4, 0.6, 0.8]).to_numpy() + 1
        scored[f"{name}_score"] = np.searchsorted(cuts, scored[column], side="right") + 1
    scored["recency_score"] = 6 - scored["recency_score"]
    ranked = totals.sort_values("profit", ascending=False, kind="stable")
    ranked["decile"] = np.arange(len(ranked)) * 10 // len(ranked) + 1
    table = ranked.groupby("decile").agg(
        customers=("profit", "size"), revenue=("revenue", "sum"), profit=("profit", "sum")
    )
    above = ranked.loc[ranked["profit"] > 0, "profit"]
    np.searchsorted(above.cumsum(), above.sum() * np.arange(1, 11) / 10)
    return told(scored, table, totals["profit"].sum())


def told(scores: pd.DataFrame, table: pd.DataFrame, profit: float) -> pd.DataFrame:
    """What all ways must agree on."""
    names = ["recency_score", "frequency_score", "monetary_score"]
    number = 100 * scores[names[0]] + 10 * scores[names[1]] + scores[names[2]]
    return pd.DataFrame(
        {
            "customers_scored": [len(scores)],
            "sum_of_scores": [int(number.sum())],
            "best_decile": [round(float(table["profit"].iloc[0]))],
            "profit": [round(float(profit))],
        }
    )


WAYS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "ours": ours,
    "by hand in DuckDB": by_hand,
    "pandas": in_pandas,
    "ours, little memory": ours_with_little_memory,
}


def measure(way: str, path: Path) -> dict[str, Any]:
    """Run one way in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.segmentation_scale", "--way", way, str(path)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_way(way: str, path: Path) -> None:
    """Print time, memory and what was found, as JSON."""
    engine.connection()  # Ibis and DuckDB are imported before the clock starts, for every way
    start = time.perf_counter()
    found = WAYS[way](path)
    seconds = time.perf_counter() - start
    result = {"seconds": seconds, "gigabytes": peak_gigabytes()}
    print(json.dumps(result | {"found": found.iloc[0].tolist()}))


def run(sizes: tuple[int, ...] = SIZES) -> None:
    """Print the rows of this benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            path = Path(folder) / f"{rows}.parquet"
            generate(rows, path)
            print(
                f"RFM, scores and both decile reports, {rows:,} transactions of "
                f"{rows // A_CUSTOMER:,} customers ({os.path.getsize(path) / 1024**3:.1f} GB)"
            )
            results = {way: measure(way, path) for way in WAYS}
            for way, result in results.items():
                print(
                    f"  {way:<26} {result['seconds']:10.1f} s   "
                    f"peak memory {result['gigabytes']:.1f} GB"
                )
            mine, sql, frame = (results[way] for way in list(WAYS)[:3])
            print(f"  ours / by hand             {mine['seconds'] / sql['seconds']:10.2f} x")
            print(f"  pandas / ours              {frame['seconds'] / mine['seconds']:10.2f} x   "
                  f"memory {frame['gigabytes'] / mine['gigabytes']:.1f} x")  # fmt: skip
            agree = all(result["found"] == mine["found"] for result in results.values())
            print(f"  all ways find the same     {agree!s:>10}")
            path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=list(WAYS))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--rows", type=int)
    given = parser.parse_args()
    if given.way:
        run_way(given.way, given.path)
    else:
        run((given.rows,) if given.rows else SIZES)
