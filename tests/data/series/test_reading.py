"""Wide and long tables as series, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recurra.data.series.looking import looks_like_series
from recurra.data.series.panel import Panel, apart
from recurra.data.series.reading import Reading, read_panel
from recurra.data.series.roles import Asked
from recurra.errors import DataError, UsageError

MONTHS = "month,passengers\n" + "".join(f"1949-{m:02},{100 + m}\n" for m in range(1, 13))
HOURS_THEN_DAYS = "ds,y\n" + "".join(
    f"2024-01-{1 + step // 24:02} {step % 24:02}:00,{step}\n" for step in (*range(30), *range(30, 480, 24))
)


def read(tmp_path: Path, text: str, name: str = "data.csv", **how: object) -> Panel:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    asked = Asked(**{k: how.pop(k) for k in list(how) if k in Asked.__dataclass_fields__})  # type: ignore[arg-type]
    return read_panel(path, Reading(asked, **how))  # type: ignore[arg-type]


def test_wide_table(tmp_path: Path) -> None:
    panel = read(tmp_path, MONTHS)
    (series,) = panel.series
    assert panel.frequency.name == "monthly"
    assert (series.name, len(series), str(series.start)) == ("passengers", 12, "1949-01-01T00:00:00")
    assert series.target[:, 0].tolist() == list(range(101, 113))


def test_long_table_with_the_usual_names(tmp_path: Path) -> None:
    rows = "".join(f"{name},2024-01-{day:02},{day}\n" for name in "ab" for day in range(1, 8))
    panel = read(tmp_path, f"unique_id,ds,y\n{rows}")
    assert [one.name for one in panel.series] == ["a", "b"]
    assert panel.frequency.name == "daily"


def test_ids_may_come_back(tmp_path: Path) -> None:
    rows = "".join(f"{name},2024-01-{day:02},{day}\n" for day in range(1, 8) for name in "ab")
    panel = read(tmp_path, f"unique_id,ds,y\n{rows}")
    assert [len(one) for one in panel.series] == [7, 7]


def test_other_names_by_option(tmp_path: Path) -> None:
    rows = "".join(f"x,2024-01-{day:02},{day},{day % 2}\n" for day in range(1, 8))
    panel = read(tmp_path, f"shop,when,sold,open\n{rows}", id="shop", time="when", target=("sold",), future=("open",))
    assert panel.columns.target == ("sold",)
    assert panel.series[0].future[:, 0].tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_parquet_with_dates(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 9), eager=True)
    pl.DataFrame({"ds": days, "y": [1.5, None, 2.5, 3, 4, 5, 6, 7, 8]}).write_parquet(path)
    panel = read_panel(path, Reading())
    assert np.isnan(panel.series[0].target[1, 0])
    assert any("1 value is missing" in note for note in panel.notes)


def test_several_columns_are_apart_or_together(tmp_path: Path) -> None:
    text = "ds,u,v\n" + "".join(f"2024-01-{day:02},{day},{2 * day}\n" for day in range(1, 8))
    panel = read(tmp_path, text)
    assert panel.columns.target == ("u", "v")
    assert [one.name for one in apart(panel).series] == ["u", "v"]


def test_gaps_are_missing_values_and_told(tmp_path: Path) -> None:
    panel = read(tmp_path, MONTHS.replace("1949-03,103\n", ""))
    assert len(panel.series[0]) == 12
    assert np.isnan(panel.series[0].target[2, 0])
    assert any("1 step has no row, 1949-03-01" in note for note in panel.notes)


def test_prices_as_they_are_found(tmp_path: Path) -> None:
    days = [d for d in np.arange("2024-01-01", "2024-02-20", dtype="datetime64[D]") if np.is_busday(d)]
    rows = "".join(f"{day},1,2,0.5,{k},1000\n" for k, day in enumerate(days))
    panel = read(tmp_path, f"Date,Open,High,Low,Close,Volume\n{rows}")
    assert panel.columns.target == ("Close",)
    assert panel.columns.past == ("Open", "High", "Low", "Volume")
    assert panel.frequency.name == "business days"
    assert any(note.startswith("prices: Close is forecast") for note in panel.notes)


def test_year_month_day_hour_columns(tmp_path: Path) -> None:
    rows = "".join(f"{n},2010,1,1,{n},{n * n}\n" for n in range(20))
    panel = read(tmp_path, f"No,year,month,day,hour,pm\n{rows}")
    assert panel.frequency.name == "hourly"
    assert panel.columns.target == ("pm",)


def test_rows_without_times_are_steps(tmp_path: Path) -> None:
    panel = read(tmp_path, "value\n" + "".join(f"{k}\n" for k in range(9)))
    assert panel.frequency.name == "numbered steps"
    assert any("no column of times" in note for note in panel.notes)


def test_static_texts_become_columns(tmp_path: Path) -> None:
    rows = "".join(f"{n},2024-01-{d:02},{d},{kind}\n" for n, kind in (("a", "shop"), ("b", "web")) for d in range(1, 5))
    panel = read(tmp_path, f"unique_id,ds,y,kind\n{rows}", static=("kind",))
    assert panel.columns.static == ("kind=shop", "kind=web")
    assert [one.static.tolist() for one in panel.series] == [[1, 0], [0, 1]]


def test_what_is_known_ahead_goes_on_behind_the_last_value(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{d:02},{d if d < 8 else ''},{d % 2}\n" for d in range(1, 11))
    panel = read(tmp_path, f"ds,y,holiday\n{rows}", future=("holiday",))
    assert len(panel.series[0]) == 7
    assert len(panel.series[0].future) == 10


SPRING = ["2024-03-31 00:00", "2024-03-31 01:00", "2024-03-31 03:00", "2024-03-31 04:00"]
AUTUMN = ["2024-10-27 00:00", "2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"]


def test_a_clock_put_back_is_told_apart_by_its_zone(tmp_path: Path) -> None:
    text = "ds,y\n" + "".join(f"{time},{k}\n" for k, time in enumerate(AUTUMN))
    panel = read(tmp_path, text, timezone="Europe/Berlin")
    assert len(panel.series[0]) == 5
    assert panel.frequency.name == "hourly"
    with pytest.raises(DataError, match=r"stands twice[^\n]*\n.*--timezone Europe/Berlin"):
        read(tmp_path, text)


def test_offsets_that_change_are_read_as_utc(tmp_path: Path) -> None:
    text = "ds,y\n2024-03-31T01:00+01:00,1\n2024-03-31T03:00+02:00,2\n2024-03-31T04:00+02:00,3\n"
    panel = read(tmp_path, text)
    assert len(panel.series[0]) == 3
    assert any("UTC" in note for note in panel.notes)


@pytest.mark.parametrize(
    ("text", "how", "said"),
    [
        ("ds,y\n2024-01-02,1\n2024-01-01,2\n", {}, r"data.csv:3: 2024-01-01 comes after 2024-01-02[^\n]*\n.*--sort"),
        ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,2\n", {}, r"data.csv:4: 2024-01-02 stands twice.*line 3"),
        ("ds,y\n2024-01-01,1\n2024-01-02,1\n2024-01-03,2\n2024-01-03 07:30,2\n2024-01-04,2\n", {},
         r"data.csv:5: 2024-01-03 07:30 does not follow 2024-01-03.*daily[^\n]*\n.*--frequency"),
        ("unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,1\na,2024-01-03,1\nb,2024-01-01,1\nb,2024-01-08,1\nb,2024-01-15,1\n",
         {}, r"data.csv:5: the series 'b' is weekly, 'a' is daily"),
        ("ds,y\n2024-01-01,1\n2024-01-02,inf\n", {}, r"data.csv:3: 'inf' in the column 'y' is infinite"),
        ("ds,y\n2024-01-01,1\n2024-01-02,1e400\n", {}, r"data.csv:3: '1e400' in the column 'y' is infinite"),
        ("ds,y\n2024-01-01,1\n2024-01-02,-2e30\n", {}, r"data.csv:3: '-2e30' .* is over 1e\+30\n.*larger unit"),
        (HOURS_THEN_DAYS, {}, r"data.csv:32: from 2024-01-02 06:00 on .* 24 steps apart, .*hourly\n.*--frequency"),
        ('ds,y\n2024-01-01,"1,5"\n2024-01-02,"2,5"\n', {"target": ("y",)}, r"data.csv:2: .*decimals\n.*--decimal ,"),
        ('ds,y\n2024-01-01,"1,500"\n2024-01-02,"2,500"\n', {"target": ("y",)}, r"data.csv:2: [^\n]*\n.*--thousands ,"),
        ('ds,y\n2024-01-01,"1,234,567.5"\n2024-01-02,2\n', {"target": ("y",)}, r"data.csv:2: .*thousands"),
        ("ds,y\n2024-01-01,1\n2024-01-02,two\n", {"target": ("y",)}, r"data.csv:3: 'two' .* 'y' is not a number"),
        ("ds,y\n2024-01-01,1\n2024-02-30,2\n", {}, r"data.csv:3: '2024-02-30' .* is no date"),
        ("ds,y\n01/02/2024,1\n02/02/2024,2\n", {}, r"may be day/month or month/day[^\n]*\n.*--date-format"),
        ("ds,y\n2024-01-01T00:00Z,1\n2024-01-01T01:00,2\n", {}, r"data.csv:3: .* lacks an offset"),
        ("ds,y\n2024-01-01,1\n,2\n", {}, r"data.csv:3: .*the cell is empty"),
        ("ds,y\nJan 24,1\nFeb 24,2\n", {"time": "ds"}, r"data.csv:2: 'Jan 24' .*\n.*--date-format"),
        ("ds,y\n2024-01-01,\n2024-01-02,NA\n", {}, r"no value at all"),
        ("ds,y\n2024-01-01,1\n2024-01-02,1\n", {"target": ("z",)}, r"no column 'z' \(target\)"),
        ("unique_id,ds,y\n,2024-01-01,1\n", {}, r"data.csv:2: the id .* is empty"),
        ("unique_id,ds,y,k\na,2024-01-01,1,u\na,2024-01-02,1,v\n", {"static": ("k",)},
         r"data.csv:3: 'k' is static, but changes in the series 'a'"),
        ("ds,name\n2024-01-01,u\n2024-01-02,v\n", {}, r"no column of numbers to forecast"),
    ],
)  # fmt: skip
def test_bad_tables_say_where_and_what_to_do(tmp_path: Path, text: str, how: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, text, **how)


def test_a_column_has_one_role(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'passengers' is asked for as target and as past"):
        read(tmp_path, MONTHS, target=("passengers",), past=("passengers",))


def test_rows_are_put_in_order_if_asked(tmp_path: Path) -> None:
    head, *rows = MONTHS.splitlines()
    panel = read(tmp_path, "\n".join([head, *reversed(rows)]), sort=True)
    assert panel.series[0].target[:, 0].tolist() == list(range(101, 113))


def test_rows_at_another_distance_are_gaps_if_the_frequency_is_given(tmp_path: Path) -> None:
    assert len(read(tmp_path, HOURS_THEN_DAYS, frequency="h").series[0]) == 463
    nights = "ds,y\n" + "".join(f"2024-01-{day:02} {hour:02}:00,1\n" for day in range(1, 31) for hour in range(8, 18))
    assert len(read(tmp_path, nights).series[0]) == 29 * 24 + 10


def test_a_spreadsheet_of_a_country_with_decimal_commas(tmp_path: Path) -> None:
    panel = read(tmp_path, "ds;y\n31.01.2024;1.234,5\n01.02.2024;2,5\n02.02.2024;3\n", decimal=",", thousands=".")
    assert panel.series[0].target[:, 0].tolist() == [1234.5, 2.5, 3]


def test_one_wrong_cell_makes_no_text_of_a_column(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{day:02},{'inf' if day == 9 else day},2\n" for day in range(1, 13))
    (tmp_path / "data.csv").write_text(f"date,a,b\n{rows}")
    assert looks_like_series(tmp_path / "data.csv")
    with pytest.raises(DataError, match=r"data.csv:10: 'inf' in the column 'a'"):
        read_panel(tmp_path / "data.csv", Reading())
    dates = "".join(f"2024-01-{day:02},{day:02}.01.2024,{day},x\n" for day in range(1, 13))
    assert read(tmp_path, f"date,due,sold,name\n{dates}").columns.target == ("sold",)


def test_european_numbers_by_option(tmp_path: Path) -> None:
    text = 'ds,y\n2024-01-01,"1.234,5"\n2024-01-02,"2,5"\n2024-01-03,"3"\n'
    panel = read(tmp_path, text, decimal=",", thousands=".")
    assert panel.series[0].target[:, 0].tolist() == [1234.5, 2.5, 3]


def test_dates_of_another_form_by_option(tmp_path: Path) -> None:
    panel = read(tmp_path, "ds,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n", date_format="%d/%m/%Y")
    assert str(panel.series[0].start) == "2024-02-01T00:00:00"
    panel = read(tmp_path, "ds,y\n30/01/2024,1\n31/01/2024,2\n01/02/2024,3\n")
    assert any("day/month/year" in note for note in panel.notes)
