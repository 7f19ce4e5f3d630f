"""Which methods are the paper's."""

from landslip.experiments.paper import PaperMethod
from landslip.reporting.experiment.methods import (
    PrintedMethod,
    first_layer_variants,
    linknets_by_depth,
    opponents,
    printed_methods,
    proposed_method,
    transfer_pairs,
)

from .conftest import FakeExperiment


def test_the_paper_s_encoder_is_preferred_and_the_reference_above_it(fake: FakeExperiment) -> None:
    for depth in (18, 34, 50):
        fake.method(f"l{depth}", encoder=f"resnet{depth}", transferred=True)
    assert proposed_method(fake.results()) == "l50"
    fake.reference = "l18"
    assert proposed_method(fake.results()) == "l18"


def test_without_a_transferred_linknet_nothing_is_proposed(fake: FakeExperiment) -> None:
    fake.method("plain", encoder="resnet50")
    fake.method("albunet", "albunet", encoder="resnet34", transferred=True)
    assert proposed_method(fake.results()) is None
    assert linknets_by_depth(fake.results()) == []


def test_pairs_are_of_one_network_and_encoder(fake: FakeExperiment) -> None:
    fake.method("l50", encoder="resnet50", transferred=True)
    fake.method("l18", encoder="resnet18", transferred=True)
    fake.method("p50", encoder="resnet50")
    fake.method("p18", encoder="resnet18")
    fake.method("u50", "unet", encoder="resnet50")
    assert transfer_pairs(fake.results()) == [("l18", "p18"), ("l50", "p50")]
    assert linknets_by_depth(fake.results()) == ["l18", "l50"]


def test_one_of_several_first_layers_stands_for_the_network(fake: FakeExperiment) -> None:
    fake.reference = "l50-mean"
    for name in ("red", "mean", "zero"):
        fake.method(f"l50-{name}", encoder="resnet50", transferred=True, first_layer=name)
    fake.method("p50", encoder="resnet50", first_layer="mean")
    results = fake.results()
    assert first_layer_variants(results) == ["l50-red", "l50-mean", "l50-zero"]
    assert transfer_pairs(results) == [("l50-mean", "p50")]
    assert linknets_by_depth(results) == ["l50-mean"]
    assert set(printed_methods(results)) == {"l50-mean", "p50"}


def test_methods_are_compared_with_those_of_the_same_test_time_augmentation(
    fake: FakeExperiment,
) -> None:
    for tta in ("none", "flips", "dihedral"):
        for depth in (18, 50):
            name, encoder = f"l{depth}-{tta}", f"resnet{depth}"
            fake.method(name, encoder=encoder, transferred=True, tta=tta)
        fake.method(f"u50-{tta}", "unet", encoder="resnet50", transferred=True, tta=tta)
    fake.method("p50-flips", encoder="resnet50", tta="flips")
    results = fake.results()
    assert transfer_pairs(results) == [("l50-flips", "p50-flips")]
    assert linknets_by_depth(results) == ["l18-none", "l50-none"]
    assert opponents(results, "u50-dihedral") == ["l50-dihedral"]
    # the paper has none
    assert {name: one.exact for name, one in printed_methods(results).items()} == {
        "l50-none": True,
        "p50-flips": False,
    }
    fake.reference = "l50-dihedral"
    assert linknets_by_depth(fake.results()) == ["l18-dihedral", "l50-dihedral"]


def test_printed_figures_go_to_the_paper_s_encoders(fake: FakeExperiment) -> None:
    fake.method("l18", encoder="resnet18", transferred=True)
    fake.method("l50", encoder="resnet50", transferred=True)
    fake.method("a18", "albunet", encoder="resnet18", transferred=True)
    fake.method("svm", "svm")
    assert printed_methods(fake.results()) == {
        "svm": PrintedMethod(method=PaperMethod.SVM, encoder=None, exact=True),
        "a18": PrintedMethod(method=PaperMethod.ALBUNET, encoder="resnet34", exact=False),
        "l50": PrintedMethod(method=PaperMethod.TRANSFERRED, encoder="resnet50", exact=True),
    }


def test_networks_meet_those_of_their_encoder_or_as_in_the_paper(fake: FakeExperiment) -> None:
    for depth in (18, 34, 50):
        fake.method(f"l{depth}", encoder=f"resnet{depth}", transferred=True)
        fake.method(f"a{depth}", "albunet", encoder=f"resnet{depth}", transferred=True)
    fake.method("a101", "albunet", encoder="resnet101", transferred=True)
    fake.method("u34", "unet", encoder="resnet34", transferred=True)
    fake.method("svm", "svm")
    fake.method("iu", "improved-unet")
    results = fake.results()
    assert {name: opponents(results, name) for name in ("a18", "a34", "a50", "a101")} == {
        "a18": ["l18"],
        "a34": ["l50", "l34"],
        "a50": ["l50"],
        "a101": [],
    }
    assert opponents(results, "u34") == ["l34"]
    assert opponents(results, "svm") == opponents(results, "iu") == ["l50"]
    fake.reference = "l18"
    assert opponents(fake.results(), "a34") == ["l34"]
    assert opponents(fake.results(), "svm") == ["l18"]
