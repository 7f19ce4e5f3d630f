import dataclasses
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning

from landslip.core.errors import InputError
from landslip.core.rpc import RPC, ImageCorrection
from landslip.preprocessing.product.rpb import format_rpb, parse_rpb, read_rpb

MakeRpb = Callable[..., str]
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
SCALES = NUMBERS.filter(bool)


def coefficients(start: int) -> tuple[float, ...]:
    return tuple(float(number) for number in range(start, start + 20))


def test_every_number_comes_to_its_place(make_rpb: MakeRpb) -> None:
    rpc = parse_rpb(make_rpb())
    assert rpc == RPC(
        line_off=1.25,
        samp_off=2.25,
        lat_off=3.25,
        lon_off=4.25,
        height_off=5.25,
        line_scale=100.5,
        samp_scale=200.5,
        lat_scale=300.5,
        lon_scale=400.5,
        height_scale=500.5,
        line_num=coefficients(1),
        line_den=coefficients(21),
        samp_num=coefficients(41),
        samp_den=coefficients(61),
    )


def test_ways_of_writing_make_no_difference(make_rpb: MakeRpb) -> None:
    plain = make_rpb()
    rpc = parse_rpb(plain)
    without = make_rpb({"errBias": None, "errRand": None})
    assert parse_rpb(without) == rpc
    assert parse_rpb(plain.replace("\n", "\r\n")) == rpc
    assert parse_rpb(plain.upper()) == rpc
    assert parse_rpb(plain.replace("E+", "D+")) == rpc
    assert parse_rpb(plain.replace(",\n\t\t\t", ", ")) == rpc
    assert parse_rpb(plain.replace(",\n\t\t\t", "\n")) == rpc
    assert parse_rpb(plain.replace(" = ", "=")) == rpc


def test_the_real_files_are_read_right(real: Path) -> None:
    mss = read_rpb(real / f"{real.name}-MSS1.rpb")
    assert (mss.line_off, mss.samp_off) == (2458.823571647805693, 2314.632508194968523)
    assert (mss.lat_off, mss.lon_off, mss.height_off) == (33.295628070253365, 69.38625485073247, 0)
    assert (mss.line_scale, mss.samp_scale, mss.height_scale) == (2816, 2688, 5000)
    assert mss.line_num[0] == -2.532239797506085e-03
    assert mss.line_num[19] == -3.862563880196332e-07
    assert mss.line_den[1] == -4.612682611626157e-03
    assert mss.samp_num[1] == 1.170889041220501
    assert mss.samp_den[19] == 1.187661771232606e-06
    pan = read_rpb(real / f"{real.name}-PAN1.rpb")
    assert (pan.line_off, pan.samp_off, pan.height_off) == (9054, 9200, 2464.43235590446784)
    # both see the same ground: the middle of the PAN image lies in the middle of the MSS image
    height = np.array([2464.4])
    ground = pan.locate(np.array([[9096.0, 9000.0]]), height)
    assert mss.project(ground, height)[0] == pytest.approx([9096 / 4, 9000 / 4], abs=30)


@given(
    scalars=st.lists(NUMBERS, min_size=5, max_size=5),
    scales=st.lists(SCALES, min_size=5, max_size=5),
    lists=st.lists(st.lists(NUMBERS, min_size=20, max_size=20).map(tuple), min_size=4, max_size=4),
)
def test_writing_and_reading_gives_the_same_numbers(
    scalars: list[float], scales: list[float], lists: list[tuple[float, ...]]
) -> None:
    names = ("line", "samp", "lat", "lon", "height")
    fields: dict[str, Any] = dict(
        zip(("line_num", "line_den", "samp_num", "samp_den"), lists, strict=True)
    )
    fields |= {f"{name}_off": value for name, value in zip(names, scalars, strict=True)}
    fields |= {f"{name}_scale": value for name, value in zip(names, scales, strict=True)}
    rpc = RPC(**fields)
    assert parse_rpb(format_rpb(rpc)) == rpc


def test_gdal_reads_the_same_numbers(tmp_path: Path, real: Path) -> None:
    rpc = read_rpb(real / f"{real.name}-PAN1.rpb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", count=1, width=2, height=2, dtype="uint16"
        ) as file:
            file.write(np.ones((1, 2, 2), dtype=np.uint16))
        (tmp_path / "a.RPB").write_text(format_rpb(rpc))
        with rasterio.open(tmp_path / "a.tif") as file:
            read = file.rpcs.to_dict()
    for ours, theirs in (("line", "line"), ("samp", "samp"), ("lat", "lat"), ("lon", "long")):
        assert read[f"{theirs}_off"] == getattr(rpc, f"{ours}_off")
        assert read[f"{theirs}_scale"] == getattr(rpc, f"{ours}_scale")
    assert (read["height_off"], read["height_scale"]) == (rpc.height_off, rpc.height_scale)
    for name in ("line_num", "line_den", "samp_num", "samp_den"):
        assert tuple(read[f"{name}_coeff"]) == getattr(rpc, name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lineScale": None}, "14 entries; this one is without lineScale;"),
        ({"latOffset": None, "sampDenCoef": None}, "without latOffset, sampDenCoef;"),
        ({"lineScale": "0.0"}, "lineScale divides and is not 0; got 0.0"),
        ({"lineScale": "nan"}, "lineScale has finite numbers; got 'nan'"),
        ({"latOffset": "1e999"}, "latOffset has finite numbers; got '1e999'"),
        ({"latOffset": "1_000"}, "latOffset has finite numbers; got '1_000'"),
        ({"latOffset": ""}, "latOffset has 1 number; this one has 0"),
        ({"latOffset": '"33"'}, "latOffset has 1 number; this one has 0"),
        ({"lineNumCoef": "(1, 2, 3)"}, "lineNumCoef has 20 numbers; this one has 3"),
        ({"lineNumCoef": "(" + "1," * 20 + "1)"}, "lineNumCoef has 20 numbers; this one has 21"),
        ({"lineNumCoef": "(" + "1," * 19 + "x)"}, "lineNumCoef has finite numbers; got 'x'"),
        ({"LATOFFSET": "3"}, "each entry once; LATOFFSET is in it twice"),
    ],
)
def test_files_that_cannot_be_right_are_refused(
    tmp_path: Path, make_rpb: MakeRpb, changes: dict[str, str | None], message: str
) -> None:
    path = tmp_path / "a.rpb"
    path.write_text(make_rpb(changes))
    with pytest.raises(InputError, match=message) as failure:
        read_rpb(path)
    assert str(failure.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "unit", ["a", "a=(", 'a="', "a = ", "a \t", "(", "lineScale", "=", "1", "\x00\xff"]
)
def test_garbage_is_refused_in_time_that_grows_with_its_length(unit: str) -> None:
    text = unit * (2**20 // len(unit))
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"this one is without|is in it twice"):
        parse_rpb(text)
    assert time.perf_counter() - start < 20  # a quadratic search would take hours


def test_huge_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.rpb"
    with pytest.raises(InputError, match="no such file"):
        read_rpb(path)
    with path.open("wb") as file:
        file.truncate(2**32)
    with pytest.raises(InputError, match="at most 4,194,304 bytes"):
        read_rpb(path)


def test_a_correction_is_not_lost_in_silence(make_rpb: MakeRpb) -> None:
    rpc = parse_rpb(make_rpb())
    moved = dataclasses.replace(rpc, correction=ImageCorrection.shift(1.5, 0))
    with pytest.raises(InputError, match=r"without a correction in image space.*1\.5"):
        format_rpb(moved)
