"""The report's files."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from landslip.experiments.results import Results
from landslip.reporting.experiment.page import TextBlock, report_sections, write_report
from landslip.reporting.experiment.summary import ExperimentSummary

from .conftest import FakeExperiment, make_dataset, whole_experiment, write_predictions

_VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Checks that elements close, and collects text, ids and what is pointed to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text.replace("<wbr>", ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "xlink:href", "srcset", "data", "action"}:
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(folder: Path) -> tuple[Page, str]:
    return Page((folder / "report.html").read_text()), (folder / "report.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiment")
    dataset = make_dataset(out / "datasets" / "valley")
    fake = whole_experiment()
    fake.fail("svm", problem="<script>alert(1)</script>")
    for cell in fake.cells:
        key = cell.key
        first = (key.dataset, key.split, key.seed) == ("valley", "groups", 0)
        whole = key.train_tiles is None and key.target is None and cell.scores
        if first and whole and key.method in {"svm", "linknet-r50"}:
            write_predictions(out, dataset, key, 0.3)
    (out / "results.json").write_text("kept")
    write_report(fake.results(), {"valley": dataset}, out)
    return out


def test_the_page_is_sound_and_fetches_nothing(folder: Path) -> None:
    page, _ = read(folder)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert "script" not in page.tags
    assert "link" not in page.tags
    for link in page.links:
        assert link.startswith(("data:image/", "#")), link[:80]
        assert not link.startswith("#") or link[1:] in page.ids
    assert "@import" not in page.text
    assert not re.findall(r"url\((?!#)", (folder / "report.html").read_text())
    assert (folder / "report.html").stat().st_size < 6e6


def test_page_and_markdown_hold_the_same(folder: Path) -> None:
    page, text = read(folder)
    plain = text.replace("\\", "").replace("**", "")
    for words in (
        "In short",
        "Transfer of the ImageNet encoder helps",
        "holds in part",
        "Comparisons behind the verdicts",
        "Depth of the transferred encoder (the paper's table 3), split groups",
        "LinkNet with its encoder transferred or not (the paper's table 4), split random",
        "All methods (the paper's table 5), split groups",
        "70.97†",
        "From Valley, 2 m, 4 bands to Tianshui: loss and gain by fine-tuning",
        "<script>alert(1)</script>",
        "ab" * 6,
        "The paper's own figures",
        "Improved U-Net: Its widths are not public.",
        "torch 2.15",
    ):
        assert words in page.text, words
        assert words in plain, words
    figures = re.findall(r"\d\d\.\d–\d\d\.\d", page.text)
    assert len(figures) > 300
    assert set(figures) == set(re.findall(r"\d\d\.\d–\d\d\.\d", plain))


def test_what_markdown_points_to_lies_beside_it(folder: Path) -> None:
    _, text = read(folder)
    files = re.findall(r"\]\(([^)]+)\)", text)
    assert "figure6_valley.png" in files
    assert "charts/learning-valley-groups.svg" in files
    for file in files:
        assert (folder / file).stat().st_size > 1000
    assert (folder / "results.json").read_text() == "kept"


def test_a_report_is_written_over_an_earlier_one(folder: Path) -> None:
    fake = FakeExperiment()
    fake.add("ours", 0.8)
    write_report(fake.results(), {}, folder)
    page, _ = read(folder)
    assert "Bijie" not in page.text
    assert {file.name for file in (folder / "charts").iterdir()} == {
        "average-precision-groups.svg",
        "f1-groups.svg",
        "curves-valley-groups.svg",
    }


def one_method() -> Results:
    fake = FakeExperiment()
    fake.add("ours", 0.8, seeds=(0,))
    return fake.results()


def all_failed() -> Results:
    fake = FakeExperiment()
    fake.fail("ours")
    fake.fail("svm")
    return fake.results()


def nothing() -> Results:
    return FakeExperiment().results()


def reference_failed() -> Results:
    fake = FakeExperiment()
    fake.fail("ours")
    fake.add("other", 0.8)
    fake.add("third", 0.7)
    return fake.results()


def transfers_only() -> Results:
    fake = FakeExperiment()
    fake.dataset("tianshui")
    fake.add("ours", 0.3, target="tianshui", tune_tiles=3)
    return fake.results()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (one_method, "Scores are means over 1 seed."),
        (all_failed, "No run was finished"),
        (nothing, "No run was finished"),
        (reference_failed, "ours on valley (split groups, fold 0, seed 0) failed"),
        (transfers_only, "F1 on tianshui of models of valley"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_parts_may_be_missing(make: object, words: str, tmp_path: Path) -> None:
    assert callable(make)
    write_report(make(), {}, tmp_path)
    page, text = read(tmp_path)
    assert page.open == []
    assert words in page.text
    assert words in text


def in_short(fake: FakeExperiment) -> dict[str, tuple[str, ...]]:
    """The texts of the first section by heading."""
    summary, *_ = report_sections(ExperimentSummary(fake.results()), ())
    return {block.heading: block.lines for block in summary.blocks if isinstance(block, TextBlock)}


def test_failed_runs_are_listed(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,))
    fake.fail("svm")
    texts = in_short(fake)
    assert texts["Failed"] == (
        "svm on valley (split groups, fold 0, seed 0) failed: the machine ran out of memory.",
    )
    assert texts[""][-1] == (
        "1 data set, 2 methods, 1 seed: 1 run done and 1 failed; training took 2 min in all, "
        "on 2 cores."
    )


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((0,), "means over 1 seed."),
        ((0,), "the spread between trainings is unknown."),
        ((0, 1), "the spread between trainings is known only roughly."),
        ((0, 1, 2), "means over 3 seeds."),
        ((0, 1, 2), "hold for these trained networks."),
    ],
)
def test_few_seeds_limit(fake: FakeExperiment, seeds: tuple[int, ...], words: str) -> None:
    fake.add("ours", 0.8, seeds=seeds)
    assert words in in_short(fake)["Limits"][0]


def test_other_limits_are_listed(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, tiles=6)
    fake.cells = [cell.model_copy(update={"epoch": 30}) for cell in fake.cells]
    split = fake.splits["valley", "groups"]
    leaking = split.folds[0].model_copy(update={"notes": ("leak: tile a (train) and tile b",)})
    fake.splits["valley", "groups"] = split.model_copy(update={"folds": (leaking,)})
    limits = in_short(fake)["Limits"]
    assert any("over 6 tiles, as if each were independent" in one for one in limits)
    assert "valley, split groups: leak: tile a (train) and tile b." in limits
    assert any(one.startswith("Only 6 groups of test tiles of valley") for one in limits)
    assert any("In 3 of 3 trainings the last epoch was the best" in one for one in limits)


def test_the_clustering_of_each_dataset_is_stated(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,), tiles=4)
    (cell,) = fake.cells
    assert cell.scores is not None
    tiles = tuple(
        tile.model_copy(
            update={"group": group, "tp": landslide, "fp": 0, "fn": 0, "tn": 10 - landslide}
        )
        for tile, group, landslide in zip(cell.scores.tiles, "aabb", (1, 3, 5, 7), strict=True)
    )
    scores = cell.scores.model_copy(update={"tiles": tiles})
    fake.cells = [cell.model_copy(update={"scores": scores})]
    # squares between groups 0.16 / 1, within 0.04 / 2; groups of 2: (B - W) / (B + W) and 1 + that
    expected = "Landslide fraction of their tiles: intraclass correlation 0.78, design effect 1.8."
    assert sum(expected in line for line in in_short(fake)["Limits"]) == 1


def test_seeds_are_those_that_were_run(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(3, 4))
    summary = ExperimentSummary(fake.results().model_copy(update={"seeds": (0,)}))
    assert summary.seeds == (3, 4)
