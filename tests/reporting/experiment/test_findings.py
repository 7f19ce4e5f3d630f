"""Sentences that the figures choose."""

import pytest

from landslip.metrics.resampling import IntervalEstimate
from landslip.reporting.experiment.claims import Claim, Outcome
from landslip.reporting.experiment.contrasts import Verdict, sign_of
from landslip.reporting.experiment.findings import findings
from landslip.reporting.experiment.limits import budget, failures, limits
from landslip.reporting.experiment.summary import ExperimentSummary

from .conftest import FakeExperiment


def of(fake: FakeExperiment, title: str) -> Claim:
    (found,) = (one for one in findings(ExperimentSummary(fake.results())) if title in one.title)
    return found


def linknets(fake: FakeExperiment) -> FakeExperiment:
    fake.method("ours", encoder="resnet50", transferred=True, label="LinkNet")
    fake.method("plain", encoder="resnet50", label="LinkNet from scratch")
    return fake


@pytest.mark.parametrize(
    ("plain", "noise", "outcome", "words"),
    [
        (0.75, 0.00, Outcome.HOLDS, "transfer helped LinkNet by 5."),
        (0.85, 0.00, Outcome.FAILS, "transfer harmed LinkNet by 5."),
        (0.80, 0.02, Outcome.UNDECIDED, "whether transfer helps LinkNet is undecided: "),
    ],
)
def test_transfer(
    fake: FakeExperiment, plain: float, noise: float, outcome: Outcome, words: str
) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=noise)
    fake.add("plain", plain, noise=noise)
    claim = of(fake, "Transfer of the ImageNet encoder helps")
    (finding,) = claim.findings
    assert claim.outcome is outcome
    assert words in finding.text
    assert ("does NOT hold" in finding.text) is (outcome is Outcome.FAILS)
    assert ("the interval includes 0" in finding.text) is (outcome is Outcome.UNDECIDED)


def test_a_sentence_gives_interval_p_and_seeds(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0)
    fake.add("plain", 0.75, noise=0)
    (finding,) = of(fake, "Transfer of").findings
    assert finding.text == (
        "valley, split groups: transfer helped LinkNet by 5.0 points of F1 "
        "(95 % interval +5.0 to +5.0, p < 0.001, ahead in 3 of 3 seeds)."
    )


@pytest.mark.parametrize(
    ("groups", "random", "outcome"),
    [
        ((0.75, 0.75), 0.85, Outcome.HOLDS),  # a random split does not outweigh the others
        ((0.85, 0.85), 0.70, Outcome.FAILS),
        ((0.75, 0.85), 0.75, Outcome.MIXED),
        ((0.75, 0.80), 0.75, Outcome.PARTLY),
        ((0.85, 0.80), 0.75, Outcome.FAILS),
        ((0.80, 0.80), 0.75, Outcome.UNDECIDED),
    ],
)
def test_a_claim_is_judged_over_data_sets(
    fake: FakeExperiment, groups: tuple[float, float], random: float, outcome: Outcome
) -> None:
    fake = linknets(fake)
    for dataset, plain in zip(("valley", "bijie"), groups, strict=True):
        fake.add("ours", 0.80, dataset=dataset)
        fake.add("plain", plain, dataset=dataset)
    fake.add("ours", 0.80, split="random", split_method="random")
    fake.add("plain", random, split="random", split_method="random")
    assert of(fake, "Transfer of").outcome is outcome


def test_a_split_with_leaks_does_not_outweigh_one_without(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    for dataset, plain in (("valley", 0.70), ("bijie", 0.85)):
        fake.add("ours", 0.80, dataset=dataset)
        fake.add("plain", plain, dataset=dataset)
    assert of(fake, "Transfer of").outcome is Outcome.MIXED
    split = fake.splits["valley", "groups"]
    leaking = split.folds[0].model_copy(update={"notes": ("leak: tile a (train) and tile b",)})
    fake.splits["valley", "groups"] = split.model_copy(update={"folds": (leaking,)})
    assert of(fake, "Transfer of").outcome is Outcome.FAILS


def test_a_random_split_alone_decides(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, split="random", split_method="random")
    fake.add("plain", 0.70, split="random", split_method="random")
    assert of(fake, "Transfer of").outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("arch", "title"),
    [("svm", "beats SVM"), ("improved-unet", "beats the improved U-Net"), ("albunet", "AlbuNet")],
)
@pytest.mark.parametrize(
    ("f1", "outcome", "words"),
    [
        (0.6, Outcome.HOLDS, "LinkNet beat rival by "),
        (0.9, Outcome.FAILS, "rival beat LinkNet by "),
        (0.8, Outcome.UNDECIDED, "which of LinkNet and rival is better is undecided"),
    ],
)
def test_rivals(
    fake: FakeExperiment, arch: str, title: str, f1: float, outcome: Outcome, words: str
) -> None:
    fake = linknets(fake)
    encoder = {"albunet": "resnet34"}.get(arch)
    fake.method("rival", arch, transferred=encoder is not None, encoder=encoder)
    fake.add("ours", 0.80, noise=0.02)
    fake.add("rival", f1, noise=0.02)
    claim = of(fake, title)
    assert claim.outcome is outcome
    assert words in claim.findings[0].text
    differ = claim.findings[0].text.endswith("Their encoders differ, as in the paper.")
    assert differ is (arch == "albunet")


def test_networks_of_other_encoders_judge_no_claim(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.method("a18", "albunet", encoder="resnet18", transferred=True, label="AlbuNet 18")
    fake.add("ours", 0.80, noise=0.02)
    fake.add("a18", 0.70, noise=0.02)
    assert of(fake, "AlbuNet").outcome is Outcome.UNTESTED
    # its match, which is worse than it, is what it is compared with
    fake.method("l18", encoder="resnet18", transferred=True, label="LinkNet 18")
    fake.add("l18", 0.60, noise=0.02)
    claim = of(fake, "AlbuNet")
    (finding,) = claim.findings
    assert claim.outcome is Outcome.FAILS
    assert "AlbuNet 18 beat LinkNet 18 by" in finding.text
    assert "encoders differ" not in finding.text


def test_a_training_that_failed_decides_nothing(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.method("albunet", "albunet", encoder="resnet34", transferred=True, label="AlbuNet")
    fake.add("ours", 0.80, noise=0)
    fake.add("plain", 0.75, noise=0)
    # a tenth of the pixels are landslide: calling all so gives 2 / 11
    fake.add("albunet", 0.18, noise=0)
    claim = of(fake, "AlbuNet")
    assert claim.outcome is Outcome.UNDECIDED
    assert "one of them learned nothing" in claim.findings[0].text
    assert of(fake, "Transfer of").outcome is Outcome.HOLDS
    assert "valley, split groups: AlbuNet learned nothing in 3 of 3 seeds" in said(fake)
    assert "(F1 18.2 %)" in said(fake)
    fake.cells = [cell for cell in fake.cells if cell.key.method != "albunet"]
    assert "learned nothing" not in said(fake)


def test_seeds_that_disagree_decide_nothing(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.90, noise=0, seeds=(0, 1))
    fake.add("ours", 0.70, noise=0, seeds=(2,))
    fake.add("plain", 0.75, noise=0)
    claim = of(fake, "Transfer of")
    assert claim.outcome is Outcome.UNDECIDED
    assert "ahead in 2 of 3 seeds" in claim.findings[0].text
    assert claim.findings[0].text.endswith("the interval leaves out 0, but the seeds disagree.")


def test_few_tiles_that_taught_nothing_are_passed_over(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0.01)
    fake.add("plain", 0.75, noise=0.01)
    fake.add("ours", 0.40, noise=0.01, train_tiles=20)
    fake.add("plain", 0.10, noise=0.01, train_tiles=20)
    (alone,) = of(fake, "tiles are few").findings
    assert alone.verdict is Verdict.UNDECIDED
    assert "Too many of these trainings learned nothing" in alone.text
    fake.add("ours", 0.60, noise=0.01, train_tiles=50)
    fake.add("plain", 0.45, noise=0.01, train_tiles=50)
    (finding,) = of(fake, "tiles are few").findings
    assert finding.verdict is Verdict.BETTER
    assert "With 50 tiles it gained" in finding.text
    assert "plain with 20 tiles learned nothing" in said(fake).replace(
        "LinkNet from scratch", "plain"
    )


def test_few_tiles_are_not_decided_against_a_seed(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0)
    fake.add("plain", 0.75, noise=0)
    fake.add("ours", 0.60, noise=0, train_tiles=20)
    fake.add("plain", 0.40, noise=0, train_tiles=20, seeds=(0, 1))
    fake.add("plain", 0.58, noise=0, train_tiles=20, seeds=(2,))
    claim = of(fake, "tiles are few")
    assert claim.outcome is Outcome.UNDECIDED
    assert claim.findings[0].text.endswith(
        "ahead in 2 of 3 seeds); the interval leaves out 0, but the seeds disagree."
    )


def test_one_seed_is_told_with_the_outcome(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    for dataset in ("valley", "bijie"):
        fake.add("ours", 0.80, noise=0, seeds=(0,), dataset=dataset)
        fake.add("plain", 0.75, noise=0, seeds=(0,), dataset=dataset)
    claim = of(fake, "Transfer of")
    assert claim.badge == "holds (2 for it; one seed)"
    assert "p < 0.001, one seed)" in claim.findings[0].text


def test_one_tile_leaves_it_open_in_the_right_words(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    for train_tiles in (None, 20):
        fake.add("ours", 0.80, noise=0, tiles=1, train_tiles=train_tiles)
        fake.add("plain", 0.75, noise=0, tiles=1, train_tiles=train_tiles)
    (finding,) = of(fake, "tiles are few").findings
    assert "no interval: one tile" in finding.text
    assert finding.text.endswith("one tile tells nothing of others.")
    assert "(no interval: one tile)" in of(fake, "The highest F1").findings[0].text


def test_what_was_not_run_is_not_tested(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80)
    found = {claim.outcome for claim in findings(ExperimentSummary(fake.results()))}
    assert found == {Outcome.UNTESTED}
    assert of(fake, "beats SVM").sentence == (
        "Transferred LinkNet beats SVM (by 12.64, 19.33 and 20.22 points in the paper): not tested."
    )


@pytest.mark.parametrize(
    ("f1", "outcome", "words"),
    [
        (0.70, Outcome.HOLDS, "ResNet-50 beat ResNet-18 by"),
        (0.90, Outcome.FAILS, "ResNet-50 was behind ResNet-18 by"),
        (0.80, Outcome.UNDECIDED, "whether ResNet-50 is better than ResNet-18 is undecided"),
    ],
)
def test_depth_up_to_50(fake: FakeExperiment, f1: float, outcome: Outcome, words: str) -> None:
    fake = linknets(fake)
    fake.method("shallow", encoder="resnet18", transferred=True)
    fake.add("ours", 0.80)
    fake.add("shallow", f1)
    claim = of(fake, "Deeper encoders")
    assert claim.outcome is outcome
    assert words in claim.findings[0].text
    assert of(fake, "ResNet-101").outcome is Outcome.UNTESTED


@pytest.mark.parametrize(
    ("f1", "outcome", "words"),
    [
        (0.70, Outcome.HOLDS, "ResNet-101 was behind ResNet-50 by"),
        (0.90, Outcome.FAILS, "ResNet-101 beat ResNet-50 by"),
        (0.80, Outcome.UNDECIDED, "cannot be told apart"),
    ],
)
def test_depth_beyond_50(fake: FakeExperiment, f1: float, outcome: Outcome, words: str) -> None:
    fake = linknets(fake)
    fake.method("deep", encoder="resnet101", transferred=True)
    fake.add("ours", 0.80)
    fake.add("deep", f1)
    claim = of(fake, "ResNet-101 adds nothing")
    assert claim.outcome is outcome
    assert words in claim.findings[0].text
    assert of(fake, "Deeper encoders").outcome is Outcome.UNTESTED


def test_101_beside_18_says_nothing_of_50(fake: FakeExperiment) -> None:
    fake.method("deep", encoder="resnet101", transferred=True)
    fake.method("shallow", encoder="resnet18", transferred=True)
    fake.add("deep", 0.8)
    fake.add("shallow", 0.6)
    assert of(fake, "ResNet-101 adds nothing").outcome is Outcome.UNTESTED


@pytest.mark.parametrize(
    ("few", "outcome", "words"),
    [
        (0.40, Outcome.HOLDS, "points more than with all tiles"),
        (0.58, Outcome.FAILS, "points less than with all tiles"),
        (0.55, Outcome.UNDECIDED, "Whether it gains more with 20 tiles"),
    ],
)
def test_few_tiles(fake: FakeExperiment, few: float, outcome: Outcome, words: str) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0.01)
    fake.add("plain", 0.75, noise=0.01)
    fake.add("ours", 0.60, noise=0.01, train_tiles=20)
    fake.add("plain", few, noise=0.01, train_tiles=20)
    claim = of(fake, "tiles are few")
    assert claim.outcome is outcome
    assert words in claim.findings[0].text
    assert "+5." in claim.findings[0].text or "+4." in claim.findings[0].text  # with all tiles


@pytest.mark.parametrize(
    ("random", "method", "words"),
    [
        (0.85, "groups", "on new ground expect the lower figure"),
        (0.85, "event", "on a new event expect the lower figure"),
        (0.75, "blocks", "what neighbours lend cannot be told from that"),
        (0.80, "blocks", "no difference can be shown"),
    ],
)
def test_random_beside_apart(fake: FakeExperiment, random: float, method: str, words: str) -> None:
    fake.add("ours", 0.80, split="apart", split_method=method)
    fake.add("ours", random, split="random", split_method="random")
    claim = of(fake, "Random splits")
    assert claim.outcome is Outcome.TOLD
    (finding,) = claim.findings
    assert words in finding.text
    higher = "1" if random > 0.80 else "[01]"
    assert finding.text.count("of 1 methods") == 1
    assert higher == "[01]" or "higher F1 for 1 of 1 methods" in finding.text
    assert "the same tiles in both" in finding.text
    assert "test other tiles" not in finding.text


def test_splits_that_test_other_tiles_say_so(fake: FakeExperiment) -> None:
    fake.add("ours", 0.80, tiles=30, noise=0.02)
    fake.add("ours", 0.90, tiles=40, noise=0.02, split="random", split_method="random")
    (finding,) = of(fake, "Random splits").findings
    assert "tiles of both drawn apart" in finding.text
    assert "The two test other tiles, so that some of it may be harder ground." in finding.text


def test_names_of_tiles_alike_by_chance_are_not_the_same_tiles(fake: FakeExperiment) -> None:
    fake.dataset("tianshui", title="Tianshui")
    fake.add("ours", 0.80, noise=0.1)
    fake.add("ours", 0.50, noise=0.1, target="tianshui", tune_tiles=0)
    summary = ExperimentSummary(fake.results())
    away, home = (key for key in sorted(summary.runs, key=lambda key: key.target is None))
    gap = summary.apart(away, home)
    assert gap is not None
    assert not gap.paired


def test_fewer_training_tiles_are_told_beside_a_split(fake: FakeExperiment) -> None:
    fake.add("ours", 0.80)
    fake.add("ours", 0.85, split="random", split_method="random")
    fake.cells = [
        cell.model_copy(update={"trained_on": 100}) if cell.key.split == "groups" else cell
        for cell in fake.cells
    ]
    (finding,) = of(fake, "Random splits").findings
    assert "It was trained on 180 tiles there and on 100 here." in finding.text


@pytest.mark.parametrize(
    ("f1", "words"),
    [
        (0.9, "unet was better than LinkNet, by "),
        (0.7, "unet was worse than LinkNet, by "),
        (0.8, "unet and LinkNet cannot be told apart: "),
    ],
)
def test_other_networks(fake: FakeExperiment, f1: float, words: str) -> None:
    fake = linknets(fake)
    fake.method("unet", "unet", encoder="resnet50", transferred=True)
    fake.add("ours", 0.8)
    fake.add("unet", f1)
    (finding,) = of(fake, "Other networks").findings
    assert words in finding.text
    assert finding.verdict is None


@pytest.mark.parametrize(("like", "differ"), [(True, False), (False, True)])
def test_other_networks_meet_the_linknet_of_their_encoder(
    fake: FakeExperiment, like: bool, differ: bool
) -> None:
    fake = linknets(fake)
    fake.method("unet", "unet", encoder="resnet18", transferred=True)
    fake.add("ours", 0.8)
    fake.add("unet", 0.7)
    if like:
        fake.method("l18", encoder="resnet18", transferred=True, label="LinkNet 18")
        fake.add("l18", 0.6)
    (finding,) = of(fake, "Other networks").findings
    assert ("unet was better than LinkNet 18" in finding.text) is like
    assert finding.text.endswith("Their encoders differ.") is differ


@pytest.mark.parametrize(
    ("best", "words"),
    [
        ("svm", "svm has the highest F1 of 3 methods, 90.0 % (95 % interval 90.0 to 90.0); being"),
        ("svm", "svm was better than LinkNet, by 10.0 points"),
        ("ours", "LinkNet was better than other, by 10.0 points"),
    ],
)
def test_the_highest(fake: FakeExperiment, best: str, words: str) -> None:
    fake = linknets(fake)
    fake.method("svm", "svm")
    for name, f1 in (("ours", 0.8), ("svm", 0.6), ("other", 0.7)):
        fake.add(name, f1 if name != best else max(f1, 0.8 if best == "ours" else 0.9), noise=0)
    (finding,) = of(fake, "The highest F1").findings
    assert words in finding.text


def test_first_layers(fake: FakeExperiment) -> None:
    fake.method("ours", encoder="resnet50", transferred=True, first_layer="mean", label="mean")
    fake.method("zero", encoder="resnet50", transferred=True, first_layer="zero")
    fake.add("ours", 0.80, noise=0.01)
    fake.add("zero", 0.75, noise=0.01)
    (finding,) = of(fake, "filters are begun").findings
    assert "zero was worse than mean, by " in finding.text


@pytest.mark.parametrize(
    ("away", "tuned", "words"),
    [
        (0.3, 0.6, ("points less than at home", "Tuning on 3 tiles added 3")),
        (0.8, 0.5, ("No difference from home can be shown", "Tuning on 3 tiles cost ")),
        (0.95, 0.95, ("more than at home", "What tuning on 3 tiles does is undecided")),
    ],
)
def test_another_data_set(
    fake: FakeExperiment, away: float, tuned: float, words: tuple[str, str]
) -> None:
    fake.dataset("tianshui", title="Tianshui")
    fake.add("ours", 0.80)
    fake.add("ours", away, target="tianshui", tune_tiles=0, noise=0.02)
    fake.add("ours", tuned, target="tianshui", tune_tiles=3, noise=0.02)
    (finding,) = of(fake, "another data set").findings
    assert finding.text.startswith("From valley to Tianshui: ours reached an F1 of ")
    for part in words:
        assert part in finding.text


def test_tuning_is_told_beside_the_fewest_tiles_it_was_run_with(fake: FakeExperiment) -> None:
    fake.dataset("tianshui", title="Tianshui")
    fake.add("ours", 0.5, target="tianshui", tune_tiles=1, noise=0)
    fake.add("ours", 0.6, target="tianshui", tune_tiles=6, noise=0)
    (finding,) = of(fake, "another data set").findings
    assert "when tuned on 1 tile of it. Tuning on 6 tiles instead of 1 added 10.0" in finding.text


def test_four_tiles_cannot_confirm_anything(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0, tiles=4)
    fake.add("plain", 0.75, noise=0, tiles=4)
    (finding,) = of(fake, "Transfer of").findings
    assert finding.text.endswith(
        "p = 0.125, ahead in 3 of 3 seeds); 4 tiles are too few for the test to confirm anything."
    )
    (highest,) = of(fake, "The highest F1").findings
    assert highest.text.endswith("4 tiles are too few for the test to confirm anything.")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 0.2, Verdict.BETTER),
        (-0.2, -0.1, Verdict.WORSE),
        (-0.1, 0.1, Verdict.UNDECIDED),
        (None, None, Verdict.UNDECIDED),
    ],
)
def test_what_an_interval_says(low: float | None, high: float | None, verdict: Verdict) -> None:
    assert sign_of(IntervalEstimate(value=0.1, low=low, high=high)) is verdict


def test_failed_cells_are_told(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(0,))
    fake.fail("svm")
    summary = ExperimentSummary(fake.results())
    assert failures(summary) == [
        "svm on valley (split groups, fold 0, seed 0) failed: the machine ran out of memory."
    ]
    assert budget(summary) == (
        "1 data set, 2 methods, 1 seed: 1 cell done and 1 failed; training took 2 min in all, "
        "on 2 cores."
    )


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((0,), "With 1 seed nothing is known"),
        ((0, 1), "With 2 seeds the spread"),
        ((0, 1, 2), "Scores are means over 3 seeds."),
    ],
)
def test_few_seeds_limit(fake: FakeExperiment, seeds: tuple[int, ...], words: str) -> None:
    fake.add("ours", 0.8, seeds=seeds)
    assert limits(ExperimentSummary(fake.results()))[0].startswith(words)


def test_other_limits_are_told(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, tiles=6)
    fake.add("other", 0.7, tiles=6, seeds=(0,))
    fake.cells = [cell.model_copy(update={"epoch": 30}) for cell in fake.cells]
    split = fake.splits["valley", "groups"]
    leaking = split.folds[0].model_copy(update={"notes": ("leak: tile a (train) and tile b",)})
    fake.splits["valley", "groups"] = split.model_copy(update={"folds": (leaking,)})
    said = limits(ExperimentSummary(fake.results()))
    assert "Test tiles of all folds together: valley, split groups: 6." in said
    assert "valley, split groups: leak: tile a (train) and tile b." in said
    assert any(one.startswith("Only 6 test tiles of valley") for one in said)
    assert any("In 4 of 4 trainings the last epoch was the best" in one for one in said)
    assert "valley, split groups: other has fewer seeds than the 3 of the others." in said


def said(fake: FakeExperiment) -> str:
    return " ".join(limits(ExperimentSummary(fake.results())))


def test_what_each_method_was_given_is_told(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    assert "Networks were trained for 30 epochs." in said(fake)
    fake.add("longer", 0.8)
    fake.add("svm", 0.5)
    fake.method("svm", "svm")
    changes: dict[str, dict[str, int | None]] = {
        "longer": {"epochs": 60},
        "svm": {"epochs": None, "epoch": None},
    }
    fake.cells = [cell.model_copy(update=changes.get(cell.key.method, {})) for cell in fake.cells]
    text = said(fake)
    assert "not trained for equally many epochs: ours for 30; longer for 60." in text
    assert "of the highest F1 on the validation tiles (0.50 to 0.50); the SVM keeps" in text
    assert "last epoch was the best" not in text


def test_without_validation_no_epoch_is_best(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    fake.cells = [cell.model_copy(update={"epoch": 30, "validated_on": 0}) for cell in fake.cells]
    assert "last epoch" not in said(fake)
    assert "threshold" not in said(fake)


def test_settings_of_its_own_are_told(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    methods = {"ours": {"training": {"learning_rate": 0.1}}}
    results = fake.results().model_copy(update={"config": {"methods": methods}})
    assert any(
        "ours was trained with settings of its own (learning_rate 0.1)" in one
        for one in limits(ExperimentSummary(results))
    )


@pytest.mark.parametrize(
    ("deep", "words"),
    [("imagenet", "(ResNet-18 in1k.pth, ResNet-50 imagenet)"), ("resnet50_in1k.pth", None)],
)
def test_weights_of_other_origin_are_told(
    fake: FakeExperiment, deep: str, words: str | None
) -> None:
    for name, weights in (("resnet18", "resnet18_in1k.pth"), ("resnet50", deep)):
        fake.method(name, encoder=name, transferred=True, weights=weights)
        fake.add(name, 0.8)
    assert ("different origin" in said(fake)) is (words is not None)
    assert words is None or words in said(fake)


def test_few_training_tiles_have_their_own_limits(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    assert "drawn anew for each seed" not in said(fake)
    fake.add("ours", 0.5, train_tiles=20)
    assert "drawn anew for each seed: 3 draws" in said(fake)
    assert "took fewer steps" in said(fake)
    config = {"training": {"steps_per_epoch": 82}}
    results = fake.results().model_copy(update={"config": config})
    assert "took fewer steps" not in " ".join(limits(ExperimentSummary(results)))


def test_methods_tested_on_fewer_tiles_are_told(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    fake.add("other", 0.8, tiles=31)
    assert "valley, split groups: other was tested on 31 of 40 tiles;" in said(fake)
    assert "Tiles of one place or one landslide are not" in said(fake)


def test_seeds_are_those_that_were_run(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8, seeds=(3, 4))
    results = fake.results().model_copy(update={"seeds": (0,)})
    summary = ExperimentSummary(results)
    assert summary.seeds == (3, 4)
    assert budget(summary).startswith("1 data set, 1 method, 2 seeds")
    assert limits(summary)[0].startswith("With 2 seeds")
