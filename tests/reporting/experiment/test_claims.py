"""Claims judged by comparisons, and the comparisons beyond them."""

from collections.abc import Callable, Iterator

import pytest

from landslip.reporting.experiment.claims import (
    ClaimVerdict,
    ComparisonRow,
    JudgedClaim,
    claim_table,
    comparison_table,
    first_layer_rows,
    highest_rows,
    judge_claims,
    learning_rows,
    other_network_rows,
    split_rows,
    transfer_rows,
)
from landslip.reporting.experiment.contrasts import ContrastVerdict, compare_apart
from landslip.reporting.experiment.summary import ExperimentSummary

from .conftest import FakeExperiment

HIGHER, LOWER, UNDECIDED = ContrastVerdict


def claim_of(fake: FakeExperiment, title: str) -> JudgedClaim:
    (claim,) = (
        one for one in judge_claims(ExperimentSummary(fake.results())) if title in one.rule.claim
    )
    return claim


def only_row(
    fake: FakeExperiment, rows: Callable[[ExperimentSummary], Iterator[ComparisonRow]]
) -> ComparisonRow:
    (row,) = rows(ExperimentSummary(fake.results()))
    return row


def linknets(fake: FakeExperiment) -> FakeExperiment:
    fake.method("ours", encoder="resnet50", transferred=True, label="LinkNet")
    fake.method("plain", encoder="resnet50", label="LinkNet from scratch")
    return fake


@pytest.mark.parametrize(
    ("plain", "noise", "verdict", "sign", "reason"),
    [
        (0.75, 0.00, ClaimVerdict.HOLDS, HIGHER, ""),
        (0.85, 0.00, ClaimVerdict.FAILS, LOWER, ""),
        (0.80, 0.02, ClaimVerdict.UNDECIDED, UNDECIDED, "the interval includes 0"),
    ],
)
def test_transfer(
    fake: FakeExperiment,
    plain: float,
    noise: float,
    verdict: ClaimVerdict,
    sign: ContrastVerdict,
    reason: str,
) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=noise)
    fake.add("plain", plain, noise=noise)
    claim = claim_of(fake, "Transfer of the ImageNet encoder helps")
    (row,) = claim.comparisons
    assert claim.verdict is verdict
    assert (row.first, row.second) == ("LinkNet", "LinkNet from scratch")
    assert (row.contrast.verdict, row.contrast.reason) == (sign, reason)


def test_a_comparison_has_interval_p_and_seeds(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0)
    fake.add("plain", 0.75, noise=0)
    claim = claim_of(fake, "Transfer of")
    table = comparison_table("Comparisons", [(claim.rule.claim, claim.comparisons)])
    assert table is not None
    (row,) = table.rows
    assert row.group == "Transfer of the ImageNet encoder helps"
    assert [cell.text for cell in row.cells] == [
        *("valley, split groups", "LinkNet", "LinkNet from scratch", "+5.0", "< 0.001"),
        *("3 of 3", "higher"),
    ]
    assert row.cells[3].small == "+5.0 – +5.0"
    assert comparison_table("Comparisons", [("none", [])]) is None


@pytest.mark.parametrize(
    ("groups", "random", "verdict", "counts"),
    [
        # a random split does not outweigh the others
        ((0.75, 0.75), 0.85, ClaimVerdict.HOLDS, (2, 0, 0)),
        ((0.85, 0.85), 0.70, ClaimVerdict.FAILS, (0, 2, 0)),
        ((0.75, 0.85), 0.75, ClaimVerdict.PARTLY, (1, 1, 0)),
        ((0.75, 0.80), 0.75, ClaimVerdict.PARTLY, (1, 0, 1)),
        ((0.85, 0.80), 0.75, ClaimVerdict.FAILS, (0, 1, 1)),
        ((0.80, 0.80), 0.75, ClaimVerdict.UNDECIDED, (0, 0, 2)),
    ],
)
def test_a_claim_is_judged_over_data_sets(
    fake: FakeExperiment,
    groups: tuple[float, float],
    random: float,
    verdict: ClaimVerdict,
    counts: tuple[int, int, int],
) -> None:
    fake = linknets(fake)
    for dataset, plain in zip(("valley", "bijie"), groups, strict=True):
        fake.add("ours", 0.80, dataset=dataset)
        fake.add("plain", plain, dataset=dataset)
    fake.add("ours", 0.80, split="random", split_method="random")
    fake.add("plain", random, split="random", split_method="random")
    claim = claim_of(fake, "Transfer of")
    assert claim.verdict is verdict
    assert tuple(claim.count(sign) for sign in (HIGHER, LOWER, UNDECIDED)) == counts
    row = next(row for row in claim_table([claim]).rows)
    assert [cell.text for cell in row.cells][2:] == [*map(str, counts), verdict.value]


def test_a_split_with_leaks_does_not_outweigh_one_without(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    for dataset, plain in (("valley", 0.70), ("bijie", 0.85)):
        fake.add("ours", 0.80, dataset=dataset)
        fake.add("plain", plain, dataset=dataset)
    assert claim_of(fake, "Transfer of").verdict is ClaimVerdict.PARTLY
    split = fake.splits["valley", "groups"]
    leaking = split.folds[0].model_copy(update={"notes": ("leak: tile a (train) and tile b",)})
    fake.splits["valley", "groups"] = split.model_copy(update={"folds": (leaking,)})
    assert claim_of(fake, "Transfer of").verdict is ClaimVerdict.FAILS


def test_a_random_split_alone_decides(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, split="random", split_method="random")
    fake.add("plain", 0.70, split="random", split_method="random")
    assert claim_of(fake, "Transfer of").verdict is ClaimVerdict.HOLDS


@pytest.mark.parametrize(
    ("arch", "title"),
    [("svm", "beats SVM"), ("improved-unet", "beats the improved U-Net"), ("albunet", "AlbuNet")],
)
@pytest.mark.parametrize(
    ("f1", "verdict", "sign"),
    [
        (0.6, ClaimVerdict.HOLDS, HIGHER),
        (0.9, ClaimVerdict.FAILS, LOWER),
        (0.8, ClaimVerdict.UNDECIDED, UNDECIDED),
    ],
)
def test_rivals(
    fake: FakeExperiment,
    arch: str,
    title: str,
    f1: float,
    verdict: ClaimVerdict,
    sign: ContrastVerdict,
) -> None:
    fake = linknets(fake)
    encoder = {"albunet": "resnet34"}.get(arch)
    fake.method("rival", arch, transferred=encoder is not None, encoder=encoder)
    fake.add("ours", 0.80, noise=0.02)
    fake.add("rival", f1, noise=0.02)
    claim = claim_of(fake, title)
    assert claim.verdict is verdict
    row = claim.comparisons[0]
    assert (row.first, row.second, row.contrast.verdict) == ("LinkNet", "rival", sign)
    assert row.encoders_differ is (arch == "albunet")


def test_networks_of_other_encoders_judge_no_claim(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.method("a18", "albunet", encoder="resnet18", transferred=True, label="AlbuNet 18")
    fake.add("ours", 0.80, noise=0.02)
    fake.add("a18", 0.70, noise=0.02)
    assert claim_of(fake, "AlbuNet").verdict is ClaimVerdict.UNTESTED
    # its match, which is worse than it, is what it is compared with
    fake.method("l18", encoder="resnet18", transferred=True, label="LinkNet 18")
    fake.add("l18", 0.60, noise=0.02)
    claim = claim_of(fake, "AlbuNet")
    (row,) = claim.comparisons
    assert claim.verdict is ClaimVerdict.FAILS
    assert (row.first, row.second, row.encoders_differ) == ("LinkNet 18", "AlbuNet 18", False)


def test_a_training_that_failed_decides_nothing(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.method("albunet", "albunet", encoder="resnet34", transferred=True, label="AlbuNet")
    fake.add("ours", 0.80, noise=0)
    fake.add("plain", 0.75, noise=0)
    # a tenth of the pixels are landslide: calling all so gives 2 / 11
    fake.add("albunet", 0.18, noise=0)
    claim = claim_of(fake, "AlbuNet")
    assert claim.verdict is ClaimVerdict.UNDECIDED
    assert claim.comparisons[0].contrast.reason == "a training learned nothing"
    assert claim_of(fake, "Transfer of").verdict is ClaimVerdict.HOLDS


def test_seeds_that_disagree_decide_nothing(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.90, noise=0, seeds=(0, 1))
    fake.add("ours", 0.70, noise=0, seeds=(2,))
    fake.add("plain", 0.75, noise=0)
    claim = claim_of(fake, "Transfer of")
    contrast = claim.comparisons[0].contrast
    assert claim.verdict is ClaimVerdict.UNDECIDED
    assert contrast.seeds is not None
    assert (contrast.seeds.above, contrast.seeds.total) == (2, 3)
    assert contrast.reason == "the seeds disagree"


def test_few_tiles_that_taught_nothing_are_passed_over(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0.01)
    fake.add("plain", 0.75, noise=0.01)
    fake.add("ours", 0.40, noise=0.01, train_tiles=20)
    fake.add("plain", 0.10, noise=0.01, train_tiles=20)
    (alone,) = claim_of(fake, "tiles are few").comparisons
    assert alone.contrast.verdict is UNDECIDED
    assert alone.contrast.reason == "a training learned nothing"
    fake.add("ours", 0.60, noise=0.01, train_tiles=50)
    fake.add("plain", 0.45, noise=0.01, train_tiles=50)
    (row,) = claim_of(fake, "tiles are few").comparisons
    assert row.contrast.verdict is HIGHER
    assert (row.first, row.second) == ("gain of LinkNet with 50 tiles", "with all tiles")


def test_few_tiles_are_not_decided_against_a_seed(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0)
    fake.add("plain", 0.75, noise=0)
    fake.add("ours", 0.60, noise=0, train_tiles=20)
    fake.add("plain", 0.40, noise=0, train_tiles=20, seeds=(0, 1))
    fake.add("plain", 0.58, noise=0, train_tiles=20, seeds=(2,))
    claim = claim_of(fake, "tiles are few")
    contrast = claim.comparisons[0].contrast
    assert claim.verdict is ClaimVerdict.UNDECIDED
    assert contrast.seeds is not None
    assert (contrast.seeds.above, contrast.seeds.total) == (2, 3)
    assert contrast.reason == "the seeds disagree"


def test_one_seed_is_shown_with_the_verdict(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    for dataset in ("valley", "bijie"):
        fake.add("ours", 0.80, noise=0, seeds=(0,), dataset=dataset)
        fake.add("plain", 0.75, noise=0, seeds=(0,), dataset=dataset)
    claim = claim_of(fake, "Transfer of")
    (row,) = claim_table([claim]).rows
    assert row.cells[-1].text == "holds"
    assert row.cells[-1].small == "one seed"
    assert row.cells[-1].tone == "good"


def test_one_tile_decides_nothing(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    for train_tiles in (None, 20):
        fake.add("ours", 0.80, noise=0, tiles=1, train_tiles=train_tiles)
        fake.add("plain", 0.75, noise=0, tiles=1, train_tiles=train_tiles)
    claim = claim_of(fake, "tiles are few")
    (row,) = claim.comparisons
    assert row.contrast.reason == "a single group of test tiles"
    table = comparison_table("Comparisons", [("few", claim.comparisons)])
    assert table is not None
    assert table.rows[0].cells[3].small == "no interval"
    assert only_row(fake, highest_rows).contrast.reason == "a single group of test tiles"


def test_what_was_not_run_is_not_tested(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80)
    claims = judge_claims(ExperimentSummary(fake.results()))
    assert {claim.verdict for claim in claims} == {ClaimVerdict.UNTESTED}
    assert claim_of(fake, "beats SVM").rule.claim == (
        "Transferred LinkNet beats SVM (by 12.64, 19.33 and 20.22 points in the paper)"
    )


@pytest.mark.parametrize(
    ("f1", "verdict", "sign"),
    [
        (0.70, ClaimVerdict.HOLDS, HIGHER),
        (0.90, ClaimVerdict.FAILS, LOWER),
        (0.80, ClaimVerdict.UNDECIDED, UNDECIDED),
    ],
)
@pytest.mark.parametrize(
    ("encoder", "titles"),
    [
        ("resnet18", ("Deeper encoders", "ResNet-101 adds nothing")),
        ("resnet101", ("ResNet-101 adds nothing", "Deeper encoders")),
    ],
)
def test_depth_up_to_50_and_beyond(
    fake: FakeExperiment,
    f1: float,
    verdict: ClaimVerdict,
    sign: ContrastVerdict,
    encoder: str,
    titles: tuple[str, str],
) -> None:
    fake = linknets(fake)
    fake.method("other", encoder=encoder, transferred=True)
    fake.add("ours", 0.80)
    fake.add("other", f1)
    claim = claim_of(fake, titles[0])
    (row,) = claim.comparisons
    assert claim.verdict is verdict
    assert (row.first, row.second, row.contrast.verdict) == ("LinkNet", "other", sign)
    assert claim_of(fake, titles[1]).verdict is ClaimVerdict.UNTESTED


def test_101_beside_18_says_nothing_of_50(fake: FakeExperiment) -> None:
    fake.method("deep", encoder="resnet101", transferred=True)
    fake.method("shallow", encoder="resnet18", transferred=True)
    fake.add("deep", 0.8)
    fake.add("shallow", 0.6)
    assert claim_of(fake, "ResNet-101 adds nothing").verdict is ClaimVerdict.UNTESTED


@pytest.mark.parametrize(
    ("few", "verdict"),
    [
        (0.40, ClaimVerdict.HOLDS),
        (0.58, ClaimVerdict.FAILS),
        (0.55, ClaimVerdict.UNDECIDED),
    ],
)
def test_few_tiles(fake: FakeExperiment, few: float, verdict: ClaimVerdict) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0.01)
    fake.add("plain", 0.75, noise=0.01)
    fake.add("ours", 0.60, noise=0.01, train_tiles=20)
    fake.add("plain", few, noise=0.01, train_tiles=20)
    claim = claim_of(fake, "tiles are few")
    (row,) = claim.comparisons
    assert claim.verdict is verdict
    assert (row.first, row.second) == ("gain of LinkNet with 20 tiles", "with all tiles")
    assert row.contrast.p_value is None
    assert row.contrast.estimate.value == pytest.approx(0.6 - few - 0.05, abs=0.005)
    gains = list(learning_rows(ExperimentSummary(fake.results()), ("valley", "groups")))
    assert [gain.place for gain in gains] == ["20 tiles", "all tiles"]
    assert gains[0].contrast.estimate.value == pytest.approx(0.6 - few, abs=0.005)
    assert gains[1].contrast.estimate.value == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(
    ("random", "method", "signs"),
    [
        (0.85, "groups", {HIGHER}),
        (0.75, "blocks", {LOWER}),
        (0.80, "blocks", {UNDECIDED}),
    ],
)
def test_random_beside_apart(
    fake: FakeExperiment, random: float, method: str, signs: set[ContrastVerdict]
) -> None:
    fake.add("ours", 0.80, split="apart", split_method=method)
    fake.add("ours", random, split="random", split_method="random")
    row = only_row(fake, split_rows)
    assert row.place == "valley: random minus apart"
    assert {row.contrast.verdict} == signs
    assert row.contrast.paired
    assert row.contrast.p_value is None
    assert row.contrast.estimate.value == pytest.approx(random - 0.80, abs=0.01)


def test_splits_that_test_other_tiles_say_so(fake: FakeExperiment) -> None:
    fake.add("ours", 0.80, tiles=30, noise=0.02)
    fake.add("ours", 0.90, tiles=40, noise=0.02, split="random", split_method="random")
    row = only_row(fake, split_rows)
    assert not row.contrast.paired
    table = comparison_table("Splits", [("splits", [row])])
    assert table is not None
    assert table.rows[0].cells[-1].text == "higher"
    assert table.rows[0].cells[-1].small == "different test tiles"


def test_names_of_tiles_alike_by_chance_are_not_the_same_tiles(fake: FakeExperiment) -> None:
    fake.dataset("tianshui", title="Tianshui")
    fake.add("ours", 0.80, noise=0.1)
    fake.add("ours", 0.50, noise=0.1, target="tianshui", tune_tiles=0)
    runs = ExperimentSummary(fake.results()).runs
    away, home = sorted(runs, key=lambda key: key.target is None)
    contrast = compare_apart(runs, away, home)
    assert contrast is not None
    assert not contrast.paired


def test_training_tiles_are_shown_beside_a_split(fake: FakeExperiment) -> None:
    fake.add("ours", 0.80)
    fake.add("ours", 0.85, split="random", split_method="random")
    fake.cells = [
        cell.model_copy(update={"trained_on": 100}) if cell.key.split == "groups" else cell
        for cell in fake.cells
    ]
    row = only_row(fake, split_rows)
    assert row.first == "ours, split random (180 training tiles)"
    assert row.second == "split groups (100 training tiles)"


@pytest.mark.parametrize(("f1", "sign"), [(0.9, HIGHER), (0.7, LOWER), (0.8, UNDECIDED)])
def test_other_networks(fake: FakeExperiment, f1: float, sign: ContrastVerdict) -> None:
    fake = linknets(fake)
    fake.method("unet", "unet", encoder="resnet50", transferred=True)
    fake.add("ours", 0.8)
    fake.add("unet", f1)
    row = only_row(fake, other_network_rows)
    assert (row.first, row.second, row.contrast.verdict) == ("unet", "LinkNet", sign)


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
    row = only_row(fake, other_network_rows)
    assert row.second == ("LinkNet 18" if like else "LinkNet")
    assert row.contrast.verdict is (HIGHER if like else LOWER)
    assert row.encoders_differ is differ


@pytest.mark.parametrize(
    ("best", "names"), [("svm", ("svm", "LinkNet")), ("ours", ("LinkNet", "other"))]
)
def test_the_highest(fake: FakeExperiment, best: str, names: tuple[str, str]) -> None:
    fake = linknets(fake)
    fake.method("svm", "svm")
    for name, f1 in (("ours", 0.8), ("svm", 0.6), ("other", 0.7)):
        fake.add(name, f1 if name != best else max(f1, 0.8 if best == "ours" else 0.9), noise=0)
    row = only_row(fake, highest_rows)
    assert (row.first, row.second) == names
    assert row.contrast.estimate.value == pytest.approx(0.1)
    assert row.contrast.verdict is HIGHER


def test_first_layers(fake: FakeExperiment) -> None:
    fake.method("ours", encoder="resnet50", transferred=True, first_layer="mean", label="mean")
    fake.method("zero", encoder="resnet50", transferred=True, first_layer="zero")
    fake.add("ours", 0.80, noise=0.01)
    fake.add("zero", 0.75, noise=0.01)
    row = only_row(fake, first_layer_rows)
    assert (row.first, row.second, row.contrast.verdict) == ("zero", "mean", LOWER)


@pytest.mark.parametrize(
    ("away", "tuned", "signs"),
    [
        (0.3, 0.6, (LOWER, HIGHER)),
        (0.8, 0.5, (UNDECIDED, LOWER)),
        (0.95, 0.95, (HIGHER, UNDECIDED)),
    ],
)
def test_another_data_set(
    fake: FakeExperiment, away: float, tuned: float, signs: tuple[ContrastVerdict, ContrastVerdict]
) -> None:
    fake.dataset("tianshui", title="Tianshui")
    fake.add("ours", 0.80)
    fake.add("ours", away, target="tianshui", tune_tiles=0, noise=0.02)
    fake.add("ours", tuned, target="tianshui", tune_tiles=3, noise=0.02)
    summary = ExperimentSummary(fake.results())
    home, tuning = transfer_rows(summary, "valley", "groups", "tianshui")
    assert (home.first, home.second) == ("as trained", "on valley")
    assert (tuning.first, tuning.second) == ("fine-tuned on 3 tiles", "as trained")
    assert (home.contrast.verdict, tuning.contrast.verdict) == signs
    assert home.contrast.p_value is None
    assert tuning.contrast.p_value is not None


def test_tuning_is_compared_with_the_fewest_tiles_it_was_run_with(fake: FakeExperiment) -> None:
    fake.dataset("tianshui", title="Tianshui")
    fake.add("ours", 0.5, target="tianshui", tune_tiles=1, noise=0)
    fake.add("ours", 0.6, target="tianshui", tune_tiles=6, noise=0)
    summary = ExperimentSummary(fake.results())
    (row,) = transfer_rows(summary, "valley", "groups", "tianshui")
    assert (row.first, row.second) == ("fine-tuned on 6 tiles", "fine-tuned on 1 tile")
    assert row.contrast.estimate.value == pytest.approx(0.1)


def test_four_tiles_cannot_confirm_anything(fake: FakeExperiment) -> None:
    fake = linknets(fake)
    fake.add("ours", 0.80, noise=0, tiles=4)
    fake.add("plain", 0.75, noise=0, tiles=4)
    (row,) = claim_of(fake, "Transfer of").comparisons
    assert row.contrast.p_value == 0.125
    assert row.contrast.reason == "too few groups of tiles for a test"
    assert only_row(fake, highest_rows).contrast.reason == "too few groups of tiles for a test"
