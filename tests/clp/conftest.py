"""Real purchases that several tests of lifetime profit look at."""

from pathlib import Path

import pandas as pd
import pytest

from crmlib import tables

SAMPLE = Path(__file__).parents[1] / "reference" / "cdnow_sample_customers.txt"


@pytest.fixture(scope="session")
def cdnow_sample(shared: Path) -> pd.DataFrame:
    """Purchases of the 2,357 customers on whom Fader and Hardie published: 1997-01 to 1998-06."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    customers = [line for line in lines if not line.startswith("#")]
    columns = {"amount": "dollar_value"}
    master = tables.read(shared / "data" / "cdnow_master.txt", kind="transactions", columns=columns)
    frame = master.frame
    return frame[frame["customer_id"].isin(customers)].reset_index(drop=True)
