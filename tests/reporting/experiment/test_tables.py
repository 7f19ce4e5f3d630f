"""Tables of results against figures worked out by hand."""

import pytest

from landslip.experiments.results import AdjustedArea
from landslip.reporting.experiment.paper_tables import (
    disagreement_table,
    encoder_table,
    methods_table,
    transfer_table,
)
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.experiment.tables import (
    area_table,
    cost_table,
    coverage_table,
    dataset_table,
    first_layer_table,
    learning_table,
    objects_table,
    probability_table,
    seeds_table,
    split_table,
    tuning_table,
)
from landslip.reporting.tables import ReportTable, TableRow

from .conftest import FakeExperiment


def texts(table: ReportTable | None, *, small: bool = False) -> list[list[str]]:
    assert table is not None

    def text(row: TableRow) -> list[str]:
        return [cell.small if small else cell.text for cell in row.cells]

    return [text(row) for row in table.rows]


@pytest.fixture
def exact(fake: FakeExperiment) -> ExperimentSummary:
    """Tiles that all have the same precision and recall: every interval is a point."""
    fake.reference = "l50"
    fake.method("svm", "svm", label="SVM", mpix_per_s=0.4, parameters=None, gflop_per_tile=None)
    fake.method("l18", encoder="resnet18", transferred=True, label="LinkNet 18")
    fake.method("p50", encoder="resnet50", label="plain LinkNet")
    fake.method("l50", encoder="resnet50", transferred=True, label="LinkNet", weights="in1k.pth")
    for name, f1 in (("svm", 0.5), ("l18", 0.78), ("p50", 0.75), ("l50", 0.8)):
        fake.add(name, f1, noise=0)
    return ExperimentSummary(fake.results())


def test_table_5_has_our_scores_and_the_printed_ones(exact: ExperimentSummary) -> None:
    table = methods_table(exact, "groups")
    assert texts(table) == [
        ["SVM", "36.3", "50.0", "50.0", "50.0", "33.3", "−30.0", "70.97†", "60.41", "61.52"],
        ["LinkNet 18", "64.6", "78.0", "78.0", "78.0", "63.9", "−2.0", "–", "–", "–"],
        [
            "plain LinkNet",
            "61.1",
            "75.0",
            "75.0",
            "75.0",
            "60.0",
            "−5.0",
            "79.98",
            "74.67",
            "77.40",
        ],
        [
            "LinkNet",
            "67.0",
            "80.0",
            "80.0",
            "80.0",
            "66.7",
            "reference",
            "83.61",
            "79.74†",
            "81.74",
        ],
    ]
    assert texts(table, small=True)[0] == [
        *("", "", "50.0–50.0", "50.0–50.0", "50.0–50.0", "33.3–33.3"),
        *("−30.0 – −30.0, p < 0.001", "63.63 / 75.91", "59.21 / 61.67", "63.01 / 60.10"),
    ]
    assert table is not None
    assert [cell.best for cell in table.rows[3].cells][:6] == [False, *[True] * 5]
    assert any("contradicts the precision and recall" in note for note in table.notes)


def test_table_4_has_the_gain_of_transfer(exact: ExperimentSummary) -> None:
    table = transfer_table(exact, "groups")
    assert texts(table) == [
        ["not transferred", "61.1", "75.0", "75.0", "75.0", "–", "79.98", "74.67", "77.40"],
        ["transferred", "67.0", "80.0", "80.0", "80.0", "+5.0", "83.61", "79.74†", "81.74"],
    ]
    assert table is not None
    assert {row.group for row in table.rows} == {"valley, LinkNet ResNet-50"}


def test_table_3_has_the_encoders_by_depth(exact: ExperimentSummary) -> None:
    table = encoder_table(exact, "groups")
    assert table is not None
    assert "as printed in the paper, for another scene" in table.notes[0]
    assert texts(table) == [
        ["ResNet-18", "64.6", "78.0", "78.0", "78.0", "–", "–", "–"],
        ["ResNet-50", "67.0", "80.0", "80.0", "80.0", "81.96", "85.33", "83.61"],
    ]


def test_one_encoder_is_no_table_3(fake: FakeExperiment) -> None:
    fake.method("l18", encoder="resnet18", transferred=True)
    fake.method("l50", encoder="resnet50", transferred=True)  # described, and not run
    fake.add("l18", 0.8)
    assert encoder_table(ExperimentSummary(fake.results()), "groups") is None


def test_an_encoder_that_is_not_the_paper_s_is_named(fake: FakeExperiment) -> None:
    fake.method("a18", "albunet", encoder="resnet18", transferred=True)
    fake.add("a18", 0.8)  # the reference was not even described
    table = methods_table(ExperimentSummary(fake.results()), "groups")
    assert texts(table)[0][7:] == ["82.06", "77.90", "80.70"]
    assert texts(table, small=True)[0][7] == "79.94 / 84.30, ResNet-34"


def test_a_method_that_learned_nothing_says_so(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, noise=0)
    fake.add("other", 0.1, noise=0)
    found = texts(methods_table(ExperimentSummary(fake.results()), "groups"), small=True)
    assert [row[0] for row in found] == ["", "learned nothing in 3 of 3 seeds"]


def test_tables_without_what_they_are_of_are_none(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    summary = ExperimentSummary(fake.results())
    assert encoder_table(summary, "groups") is None
    assert transfer_table(summary, "groups") is None
    assert first_layer_table(summary) is None
    assert methods_table(summary, "no such split") is None


def test_disagreements_are_listed() -> None:
    found = texts(disagreement_table())
    assert ["The F1 of SVM on 2013-08-12", "70.97", "69.23"] in [row[:3] for row in found]


def test_objects(exact: ExperimentSummary) -> None:
    table = objects_table(exact, "groups")
    # of 50 and 20 landslides a seed; 60 objects, of which half are false; 1.6 km2 a seed,
    # a hair more in floating point
    assert texts(table)[0] == ["SVM", "40.0", "50.0", "50.0", "18.7", "50.0"]
    assert texts(table, small=True)[0][1:3] == ["of 50", "of 20"]
    assert table is not None
    assert [column.title for column in table.columns][1:3] == ["1 to 99 px", "100 px and more"]
    assert table.columns[-1].title == "boundary F1 within 2 px, %"


def test_mapped_objects_that_are_right_by_their_own_size(fake: FakeExperiment) -> None:
    fake.add("ours", 0.5, seeds=(0,))
    (cell,) = fake.cells
    assert cell.scores is not None
    sizes = cell.scores.objects.by_size
    counted = (
        sizes[0].model_copy(update={"found": 40, "false": 30}),
        sizes[1].model_copy(update={"found": 20, "false": 0}),
    )
    objects = cell.scores.objects.model_copy(update={"by_size": counted})
    scores = cell.scores.model_copy(update={"objects": objects})
    fake.cells = [cell.model_copy(update={"scores": scores})]
    table = objects_table(ExperimentSummary(fake.results()), "groups")
    assert texts(table)[0][3:5] == ["25.0", "100.0"]
    assert texts(table, small=True)[0][3:5] == ["of 40", "of 20"]


def test_false_objects_by_area_need_a_resolution(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,))
    (cell,) = fake.cells
    assert cell.scores is not None
    objects = cell.scores.objects.model_copy(update={"searched_km2": None})
    scores = cell.scores.model_copy(update={"objects": objects})
    fake.cells = [cell.model_copy(update={"scores": scores})]
    assert texts(objects_table(ExperimentSummary(fake.results()), "groups"))[0][4] == "–"


def test_area(exact: ExperimentSummary) -> None:
    table = area_table(exact, "groups")
    assert texts(table)[0] == [
        "SVM",
        "10.00",
        "11.00",
        "+0.50",
        "10.40",
        "\N{MINUS SIGN}0.10",
        "10.50",
    ]
    assert texts(table, small=True)[0][2::2] == ["± 0.78", "± 1.18", ""]
    assert table is not None
    assert table.notes[1:] == (
        "The labelled fraction is outside ± by user's accuracy in 0 of 4 rows.",
        "The labelled fraction is outside ± by error rates in 0 of 4 rows.",
    )


def test_area_of_runs_from_before_the_second_estimate(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,))
    (cell,) = fake.cells
    assert cell.scores is not None
    assert cell.scores.area is not None
    stored = cell.scores.area.model_dump(exclude={"rates_share", "rates_error"})
    scores = cell.scores.model_copy(update={"area": AdjustedArea.model_validate(stored)})
    fake.cells = [cell.model_copy(update={"scores": scores})]
    table = area_table(ExperimentSummary(fake.results()), "groups")
    assert texts(table)[0][4:] == ["–", "–", "10.50"]
    assert table is not None
    assert len(table.notes) == 2


def test_area_that_the_labels_contradict_is_told(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,))
    (cell,) = fake.cells
    assert cell.scores is not None
    assert cell.scores.area is not None
    area = cell.scores.area.model_copy(update={"reference_share": 0.119})
    scores = cell.scores.model_copy(update={"area": area})
    fake.cells = [cell.model_copy(update={"scores": scores})]
    table = area_table(ExperimentSummary(fake.results()), "groups")
    assert table is not None
    assert "by user's accuracy in 1 of 1 row: more often than 1 in 20" in table.notes[1]
    assert texts(table)[0][3] == "\N{MINUS SIGN}0.90"


def test_seeds_and_their_spread(fake: FakeExperiment) -> None:
    for seed, f1 in enumerate((0.7, 0.8, 0.9)):
        fake.add("ours", f1, seeds=(seed,), noise=0)
    fake.add("other", 0.5, seeds=(1,), noise=0)
    assert texts(seeds_table(ExperimentSummary(fake.results()), "groups")) == [
        ["ours", "70.0", "80.0", "90.0", "10.00"],
        ["other", "–", "50.0", "–", "–"],
    ]


def test_probabilities_are_ranked(whole: ExperimentSummary) -> None:
    found = {row[0]: row[1:] for row in texts(probability_table(whole, "groups"))[:12]}
    assert float(found["SVM"][0]) < float(found["LinkNet, ResNet-50"][0])


def test_training_tiles_and_tuning(whole: ExperimentSummary) -> None:
    curve = learning_table(whole, "valley", "groups")
    assert [column.title for column in curve.columns] == [
        *("Method", "20 tiles", "50 tiles", "100 tiles", "all tiles")
    ]
    ours, plain = (list(map(float, row[1:])) for row in texts(curve))
    assert ours == sorted(ours)
    assert ours[0] - plain[0] == pytest.approx(15, abs=1.5)

    route = tuning_table(whole, "valley", "groups", "tianshui")
    assert [column.title for column in route.columns][1:] == [
        *("as trained", "fine-tuned on 1 tile", "fine-tuned on 3 tiles", "fine-tuned on 6 tiles")
    ]
    assert [row[0] for row in texts(route)] == [
        *("LinkNet, ResNet-50", "LinkNet, ResNet-50, not transferred")
    ]


def test_first_layers(fake: FakeExperiment) -> None:
    for name, f1 in (("mean", 0.8), ("zero", 0.7)):
        fake.method(name, encoder="resnet50", transferred=True, first_layer=name)
        fake.add(name, f1, noise=0)
    found = texts(first_layer_table(ExperimentSummary(fake.results())))
    assert [row[:3] for row in found] == [["mean", "67.0", "80.0"], ["zero", "55.5", "70.0"]]


def test_costs(exact: ExperimentSummary) -> None:
    found = texts(cost_table(exact))
    assert found[0] == ["SVM", "–", "–", "–", "0.40", "2 min", "17 of 30", "cpu fp32"]
    assert found[3][:4] == ["LinkNet", "in1k.pth", "31.0", "14.6"]


def test_data_sets_and_splits(exact: ExperimentSummary) -> None:
    assert texts(dataset_table(exact)) == [
        [
            *("valley", "40", "100", "2", "red, green, blue, nir (reflectance)", "10.0", "ab" * 6),
            "made up",
        ]
    ]
    assert texts(split_table(exact)) == [
        ["groups", "0", "30", "2", "8", "0", "cd" * 6, "–"],
    ]


def coverage(fake: FakeExperiment) -> list[list[str]]:
    return texts(coverage_table(ExperimentSummary(fake.results())))


def test_coverage_shows_what_each_method_was_given(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    fake.add("longer", 0.8)
    fake.add("svm", 0.5)
    fake.method("svm", "svm")
    changes: dict[str, dict[str, int | None]] = {
        "longer": {"epochs": 60, "epoch": 60},
        "svm": {"epochs": None, "epoch": None},
    }
    fake.cells = [cell.model_copy(update=changes.get(cell.key.method, {})) for cell in fake.cells]
    assert coverage(fake) == [
        ["ours", "3", "180", "40", "40", "30", "0 of 3", "0.50", "–"],
        ["longer", "3", "180", "40", "40", "60", "3 of 3", "0.50", "–"],
        ["svm", "3", "180", "40", "40", "–", "–", "–", "–"],
    ]


def test_coverage_without_validation_has_no_best_epoch(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    fake.cells = [cell.model_copy(update={"epoch": 30, "validated_on": 0}) for cell in fake.cells]
    assert coverage(fake)[0][6:8] == ["–", "–"]


def test_coverage_shows_missing_seeds_and_tiles_and_failed_trainings(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    fake.add("fewer", 0.7, tiles=31, seeds=(0,))
    fake.add("failed", 0.18, noise=0)  # calling all landslide gives 2 / 11
    assert [row[1:4] for row in coverage(fake)] == [
        ["3", "180", "40"],
        ["1", "180", "31"],
        ["3", "180", "40"],
    ]
    assert [row[-1] for row in coverage(fake)] == ["–", "–", "3 of 3 seeds (F1 18.2 %)"]


def test_coverage_names_runs_of_few_tiles_and_of_another_data_set(whole: ExperimentSummary) -> None:
    small = {row[0] for row in texts(coverage_table(whole), small=True)}
    assert {"", "20 tiles", "on Tianshui, fine-tuned on 3 tiles"} <= small


def test_settings_of_its_own_are_shown_with_the_costs(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    methods = {"ours": {"training": {"learning_rate": 0.1}}}
    results = fake.results().model_copy(update={"config": {"methods": methods}})
    assert cost_table(ExperimentSummary(results)).notes == (
        "ours: trained with settings of its own (learning_rate 0.1).",
    )


@pytest.mark.parametrize(
    ("deep", "words"),
    [("imagenet", "ResNet-18 in1k.pth, ResNet-50 imagenet."), ("resnet50_in1k.pth", None)],
)
def test_weights_of_different_origin_are_shown(
    fake: FakeExperiment, deep: str, words: str | None
) -> None:
    for name, weights in (("resnet18", "resnet18_in1k.pth"), ("resnet50", deep)):
        fake.method(name, encoder=name, transferred=True, weights=weights)
        fake.add(name, 0.8)
    table = encoder_table(ExperimentSummary(fake.results()), "groups")
    assert table is not None
    assert [note.endswith(words) for note in table.notes[1:] if words] == ([True] if words else [])
    assert len(table.notes) == (1 if words is None else 2)


def test_few_training_tiles_have_notes_of_their_own(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    fake.add("ours", 0.5, train_tiles=20)
    notes = " ".join(learning_table(ExperimentSummary(fake.results()), "valley", "groups").notes)
    assert "drawn anew for each seed (3 draws)" in notes
    assert "took fewer steps" in notes
    config = {"training": {"steps_per_epoch": 82}}
    results = fake.results().model_copy(update={"config": config})
    notes = " ".join(learning_table(ExperimentSummary(results), "valley", "groups").notes)
    assert "took fewer steps" not in notes
