"""Sentences of the record in Chinese: all that the packages can note, and nothing lost of them."""

import ast
import re
import shutil
import string
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from tests.inventory.made_map import LEFT, MadeMap, change_json, make_map, write_plane

import landslip
from landslip.core.choices import Language
from landslip.inference.result import SUMMARY
from landslip.inventory.found import CALIBRATED, NONE, UNCALIBRATED
from landslip.inventory.request import Cleaned, InventoryRequest, Known
from landslip.inventory.run import make_inventory
from landslip.inventory.statistics.adjusted import BY_SAMPLE, BY_TILES
from landslip.inventory.statistics.summary import StatisticsRequest, statistics_of
from landslip.inventory.statistics.volume import RELATIONS
from landslip.models.calibration.method import FITTED
from landslip.models.ood.judge import Familiarity
from landslip.reporting.inventory.notes import Told, in_language, read_sentences

PACKAGE = Path(landslip.__file__).parent
NOTING = ("inventory/**/*.py", "statistics/*.py", "extraction/*.py", "familiarity/*.py")
NAMES = {"note", "notes", "told", "warnings"}
NOT_NOTED = {"give a file with one of them", "name one by 101"}  # remedies of errors
CHINESE = re.compile(r"[\u4e00-\u9fff]")
KEPT = re.compile(r"\w+\.(?:gpkg|csv|tif|py)|--[a-z-]+|(?<![A-Za-z])\d+(?:\.\d+)?", re.ASCII)
CONSTANT = (CALIBRATED, UNCALIBRATED, NONE, BY_SAMPLE, BY_TILES)


def chinese(sentence: str) -> str:
    """Return a sentence in Chinese, with all figures, files and options of the English one."""
    told = in_language(sentence, Language.CHINESE)
    assert not told.is_original, sentence
    assert CHINESE.search(told.text)
    assert sorted(KEPT.findall(told.text)) == sorted(KEPT.findall(sentence)), told.text
    return told.text


def noted_in(module: Path) -> Iterator[str]:
    """Return the sentences that a module's notes are made of, 101, 102... for what varies in them.

    They are strings of three words or more in a module that names notes, other than docstrings
    and what is raised.
    """
    tree = ast.parse(module.read_text(encoding="utf-8"))
    named = {getattr(node, at, "") for node in ast.walk(tree) for at in ("id", "arg", "name")}
    waiting: list[ast.AST] = [tree] if named & NAMES else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr | ast.Constant):
            text = text_of(node, count(101))
            if len(re.findall(r"[A-Za-z]+ ", text)) >= 2:
                yield text
        elif not isinstance(node, ast.Raise):
            waiting += [one for one in ast.iter_child_nodes(node) if not is_docstring(one)]


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def text_of(node: ast.AST, numbers: Iterator[int]) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, numbers) for part in node.values)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return str(next(numbers))


@pytest.fixture(scope="module")
def noted() -> list[str]:
    modules = {path for pattern in NOTING for path in PACKAGE.glob(pattern)}
    found = [text for path in sorted(modules) for text in noted_in(path)]
    found += noted_in(PACKAGE / "polygon_file.py")
    return [text for text in found if text not in NOT_NOTED]


def test_every_sentence_in_the_source_of_notes_is_known_in_chinese(noted: list[str]) -> None:
    assert len(noted) >= 30
    unknown = [text for text in noted if in_language(text, Language.CHINESE).is_original]
    assert unknown == [], "put them into report/notes_zh.yaml"
    for text in noted:
        chinese(text)


def test_a_sentence_fits_one_pattern_only(noted: list[str]) -> None:
    patterns = [sentence.pattern for sentence in read_sentences()]
    for text in (*noted, *CONSTANT):
        assert sum(pattern.fullmatch(text) is not None for pattern in patterns) == 1, text


def test_no_pattern_outlives_its_sentence(noted: list[str]) -> None:
    for sentence in read_sentences():
        if len(re.findall(r"[A-Za-z]+ ", re.sub(r"\{.*?\}", "", sentence.english))) >= 7:
            fits = [sentence.pattern.fullmatch(text) for text in (*noted, *CONSTANT)]
            assert any(fits), sentence.english


def test_both_sides_have_the_same_places() -> None:
    for sentence in read_sentences():
        found = {name for _, name, _, _ in string.Formatter().parse(sentence.chinese) if name}
        assert found == set(sentence.places), sentence.english


@pytest.mark.parametrize("text", [*CONSTANT, *FITTED, *(one.name for one in RELATIONS)])
def test_what_the_record_always_says_is_known(text: str) -> None:
    chinese(text)


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
def test_notes_of_statistics_are_told_in_chinese(name: str, words: list[str]) -> None:
    notes = statistics_of(INVENTORIES[name]).notes
    told = " ".join(chinese(note) for note in notes)
    for word in words:
        assert word in told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeMap:
    return make_map(tmp_path_factory.mktemp("map"))


def told_of(request: InventoryRequest) -> list[str]:
    return [chinese(note) for note in make_inventory(request).notes]


def test_notes_of_an_extraction_are_told_in_chinese(made: MadeMap, tmp_path: Path) -> None:
    bare = InventoryRequest(source=made.extraction, out=tmp_path / "bare", draws=0)
    told = told_of(bare)
    assert "日期 2024-08-12 取自影像名称；如有不同，请用 --date 指定。" in told
    assert "未提供高程模型：坡度、高程、后缘点和前缘点为空（--dem）。" in told
    assert any("影像缺少波段 blue, green：水体和云标记为空" in note for note in told)
    write_plane(tmp_path / "dem.tif", left=LEFT - 400)
    half = replace(bare, out=tmp_path / "half", known=Known(dem=tmp_path / "dem.tif"))
    assert any("3 处滑坡中有 1 处，高程模型 dem.tif" in note for note in told_of(half))


def test_notes_on_a_scene_that_is_gone_and_unlike_are_told_in_chinese(
    made: MadeMap, tmp_path: Path
) -> None:
    folder = tmp_path / "map"
    shutil.copytree(made.extraction, folder)
    unlike = Familiarity(
        tiles=16, spectral_share=0.75, feature_share=0.5, spectral_ratio=3.21, feature_ratio=2.0
    )
    assert len(unlike.notes()) == 2
    change_json(
        folder / SUMMARY,
        lambda found: found.update(
            warnings=unlike.notes(), scene="scene.tif", scene_place=str(tmp_path / "gone.tif")
        ),
    )
    told = told_of(InventoryRequest(source=folder, out=tmp_path / "out", draws=0))
    assert any("75% 的光谱超出 99% 训练样本的范围（距离为通常的 3.2 倍）" in one for one in told)
    assert any("50% 的网络特征超出 99%" in one for one in told)
    assert any("无法读取影像" in one and "gone.tif" in one for one in told)
    assert "STAC 条目需要日期，因此未生成；请用 --date 指定日期。" in told


def test_notes_of_a_polygon_file_are_told_in_chinese(tmp_path: Path) -> None:
    bow = shapely.Polygon([(0, 0), (40, 40), (40, 0), (0, 40)])
    flat = shapely.Polygon([(0, 0), (9, 9), (0, 0)])
    shapes = [shapely.box(0, 0, 50, 50), bow, shapely.Polygon(), flat, shapely.box(0, 0, 2, 2)]
    file = tmp_path / "slides_7.gpkg"
    geopandas.GeoDataFrame(geometry=shapes, crs="EPSG:32648").to_file(file)
    request = InventoryRequest(
        source=file, out=tmp_path / "out", draws=0, cleaned=Cleaned(min_area_m2=25.0)
    )
    told = told_of(request)
    assert "slides_7.gpkg：5 个多边形中有 1 个（序号 3）几何为空，已略去。" in told
    assert "（第一个的原因：自相交，位于 [20 20]）" in told[1]
    assert "slides_7.gpkg：5 个多边形中有 1 个（序号 4）不围成任何面积，已略去。" in told
    assert "面积小于 25 m² 的 1 个多边形已略去（--min-area）。" in told


def test_a_sentence_that_is_not_known_stays_as_it_is_and_is_marked() -> None:
    text = "something new was noticed"
    assert in_language(text, Language.CHINESE) == Told(text=text, is_original=True)
    assert in_language(text, Language.ENGLISH) == Told(text=text)


def test_what_stands_in_a_place_is_taken_over_as_it_is() -> None:
    file = "{a}\n(b) 100%: c.csv"
    told = in_language(f"{file}: 3 of 9 points beside the mapped ground left out", Language.CHINESE)
    assert told.text == f"{file}：9 个样本点中有 3 个位于制图范围之外，已略去。"
