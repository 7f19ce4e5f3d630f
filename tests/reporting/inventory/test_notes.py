"""Notes of an inventory in Chinese, with all the figures, files and arguments of the English."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from tests.inventory.factories import (
    LEFT,
    SyntheticExtraction,
    change_json,
    make_extraction,
    write_plane,
)

from landslip.core.choices import Language
from landslip.core.messages import Message, message, plain, term
from landslip.inference.result import SUMMARY
from landslip.inventory.record import RECORD, read_record
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory
from landslip.inventory.statistics.adjusted_area import BY_SAMPLE, BY_STRATA, BY_TILES
from landslip.inventory.statistics.summary import RELATIONS, StatisticsRequest, statistics_of
from landslip.models.calibration.fit import FITTED_METHODS
from landslip.models.ood.score import OodScore
from landslip.reporting.inventory.texts import read_texts
from landslip.reporting.texts import Sentence

HAN = re.compile(r"[\u4e00-\u9fff]")
VALUE = re.compile(
    r"\w+\.(?:gpkg|csv|tif|py)|\b[a-z]+_[a-z]+\b|(?<![A-Za-z])\d+(?:\.\d+)?", re.ASCII
)


def chinese(note: Message) -> str:
    """Return a message in Chinese, with all figures, files and arguments of the English one."""
    text = note.text(Language.CHINESE)
    assert HAN.search(text)
    assert sorted(VALUE.findall(text)) == sorted(VALUE.findall(note.text())), text
    return text


def all_chinese(notes: Iterable[Message]) -> list[str]:
    return [chinese(note) for note in notes]


@pytest.mark.parametrize(
    "text", [BY_SAMPLE, BY_STRATA, BY_TILES, *FITTED_METHODS, *(one.name for one in RELATIONS)]
)
def test_what_records_always_hold_is_known_in_chinese(text: str) -> None:
    chinese(term(text))


def falling(number: int, seed: int) -> NDArray[np.float64]:
    return 100 + np.random.default_rng(seed).exponential(3000, number)


INVENTORIES = {
    "few": StatisticsRequest(areas_m2=np.array([120.0, 350.0, np.nan]), draws=0),
    "heights missing": StatisticsRequest(
        areas_m2=np.array([120.0, 350.0]), surface_m2=np.array([130.0, np.nan]), draws=0
    ),
    "no rollover": StatisticsRequest(areas_m2=falling(400, 1), least_m2=120.0, draws=0),
    "a rollover near the edge": StatisticsRequest(
        areas_m2=1 / np.random.default_rng(2).gamma(1.4, 1 / 1000, 400), draws=0
    ),
}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("few", ["3 处滑坡中有 1 处面积未知", "至少需要", "现有 2 处滑坡、2 个不同的面积值"]),
        ("heights missing", ["2 处滑坡中有 1 处的坡面面积未知"]),
        ("no rollover", ["小于最小面积 120 m²", "未显示拐点"]),
        ("a rollover near the edge", ["可能是小型滑坡遗漏造成的假象"]),
    ],
)
def test_notes_of_statistics_are_in_chinese(name: str, words: list[str]) -> None:
    notes = " ".join(all_chinese(statistics_of(INVENTORIES[name]).messages))
    for word in words:
        assert word in notes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


def notes_of(request: InventoryRequest) -> list[str]:
    return all_chinese(make_inventory(request).messages)


def test_notes_of_an_extraction_are_in_chinese(made: SyntheticExtraction, tmp_path: Path) -> None:
    bare = InventoryRequest(source=made.extraction, out=tmp_path / "bare", draws=0)
    notes = notes_of(bare)
    assert "日期 2024-08-12 取自影像名称；如有不同，请用 date 指定。" in notes
    assert "未提供高程模型：坡度、高程、最高点和最低点为空（dem）。" in notes
    assert any("影像缺少波段 blue, green：水体和云标记为空" in note for note in notes)
    write_plane(tmp_path / "dem.tif", left=LEFT - 400)
    half = replace(bare, out=tmp_path / "half", auxiliary=AuxiliaryData(dem=tmp_path / "dem.tif"))
    assert any("3 处滑坡中有 1 处，高程模型 dem.tif" in note for note in notes_of(half))


def test_notes_on_a_scene_that_is_gone_and_unlike_are_in_chinese(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    folder = tmp_path / "map"
    shutil.copytree(made.extraction, folder)
    unlike = OodScore(
        tiles=16, spectral_share=0.75, feature_share=0.5, spectral_ratio=3.21, feature_ratio=2.0
    )
    assert len(unlike.notes()) == 2
    change_json(
        folder / SUMMARY,
        lambda found: found.update(
            messages=[note.model_dump() for note in unlike.notes()],
            scene="scene.tif",
            scene_place=str(tmp_path / "gone.tif"),
        ),
    )
    notes = notes_of(InventoryRequest(source=folder, out=tmp_path / "out", draws=0))
    assert any("75% 的光谱超出 99% 训练样本的范围（距离为通常的 3.2 倍）" in one for one in notes)
    assert any("50% 的网络特征超出 99%" in one for one in notes)
    assert any("无法读取影像" in one and "gone.tif" in one for one in notes)
    assert "STAC 条目需要日期，因此未生成；请用 date 指定日期。" in notes


def test_notes_of_a_polygon_file_are_in_chinese(tmp_path: Path) -> None:
    bow = shapely.Polygon([(0, 0), (40, 40), (40, 0), (0, 40)])
    flat = shapely.Polygon([(0, 0), (9, 9), (0, 0)])
    shapes = [shapely.box(0, 0, 50, 50), bow, shapely.Polygon(), flat, shapely.box(0, 0, 2, 2)]
    file = tmp_path / "slides_7.gpkg"
    geopandas.GeoDataFrame(geometry=shapes, crs="EPSG:32648").to_file(file)
    request = InventoryRequest(
        source=file, out=tmp_path / "out", draws=0, cleaning=CleaningOptions(min_area_m2=25.0)
    )
    notes = notes_of(request)
    assert "slides_7.gpkg：5 个多边形中有 1 个（序号 3）几何为空，已略去。" in notes
    assert "（第一个的原因：自相交，位于 [20 20]）" in notes[1]
    assert "slides_7.gpkg：5 个多边形中有 1 个（序号 4）不围成任何面积，已略去。" in notes
    assert "面积小于 25 m² 的 1 个多边形已略去（min_area）。" in notes


def test_a_record_of_an_earlier_version_is_read_and_its_sentences_are_marked(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    record = make_inventory(InventoryRequest(source=made.extraction, out=out, draws=0))
    assert record.notes == tuple(note.text() for note in record.messages)
    assert read_record(out) == record
    change_json(out / RECORD, lambda found: found.pop("messages"))
    old = read_record(out)
    assert old.messages == tuple(map(plain, record.notes))
    texts = read_texts(Language.CHINESE)
    assert texts.sentence(old.messages[0]) == Sentence(text=old.notes[0], is_original=True)
    assert not texts.sentence(message("scene.no_crs")).is_original
    assert not read_texts(Language.ENGLISH).sentence(old.messages[0]).is_original
