import pytest
import torch
from torch import Tensor

from landslip.core.choices import Arch, Head
from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.two_date_linknet import TwoDateLinkNet, bands_by_date

AFTER = ("red", "nir", "slope")
BANDS = ("before_nir", "red", "nir", "slope", "before_red")


def make(arch: Arch, bands: tuple[str, ...], seed: int = 0) -> torch.nn.Module:
    architecture = Architecture(arch=arch, encoder="test_resnet", bands=bands, head=Head.LEAKY)
    return build_network(architecture, seed=seed)


def two_dates_of(one_date: torch.nn.Module) -> TwoDateLinkNet:
    network = make(Arch.TWO_DATE_LINKNET, BANDS, seed=1)
    assert isinstance(network, TwoDateLinkNet)
    network.load_state_dict(network.state_of_one_date(one_date.state_dict()))
    return network


def image(seed: int = 3) -> Tensor:
    return torch.randn(2, len(BANDS), 64, 96, generator=torch.Generator().manual_seed(seed))


def after_of(pixels: Tensor) -> Tensor:
    return pixels[:, [BANDS.index(name) for name in AFTER]]


def test_a_band_without_an_earlier_one_is_the_same_on_both_dates() -> None:
    assert bands_by_date(BANDS) == ([1, 2, 3], [4, 0, 3])


@pytest.mark.parametrize(
    ("bands", "problem"),
    [(("red", "slope"), "none is"), (("red", "before_nir"), "before_nir has no nir beside it")],
    ids=["one date", "unmatched"],
)
def test_bands_of_one_date_are_refused(bands: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        make(Arch.TWO_DATE_LINKNET, bands)


def test_begins_as_exactly_the_network_of_one_date() -> None:
    one_date = make(Arch.LINKNET, AFTER).eval()
    two_dates = two_dates_of(one_date).eval()
    pixels = image()
    with torch.no_grad():
        assert torch.equal(two_dates(pixels), one_date(after_of(pixels)))


def test_learns_from_the_earlier_date_after_one_step() -> None:
    network = two_dates_of(make(Arch.LINKNET, AFTER))
    pixels = image()
    other = pixels.clone()
    other[:, 0] += 1.0  # only before_nir differs
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    torch.autograd.backward(network.train()(pixels).square().mean())
    optimizer.step()
    network.eval()
    with torch.no_grad():
        for change in network.get_submodule("encoder.changes").children():
            assert isinstance(change, torch.nn.Conv2d)
            assert change.weight[:, change.out_channels :].any()
        assert not torch.equal(network(pixels), network(other))


def test_what_did_not_change_makes_no_difference_whatever_was_learnt() -> None:
    network = two_dates_of(make(Arch.LINKNET, AFTER)).eval()
    pixels = image()
    pixels[:, 4], pixels[:, 0] = pixels[:, 1], pixels[:, 2]
    with torch.no_grad():
        expected = network(pixels)
        for change in network.get_submodule("encoder.changes").children():
            assert isinstance(change, torch.nn.Conv2d)
            change.weight[:, change.out_channels :] = 5.0
        assert torch.equal(network(pixels), expected)


def test_where_the_earlier_date_is_missing_nothing_has_changed() -> None:
    network = two_dates_of(make(Arch.LINKNET, AFTER)).eval()
    for change in network.get_submodule("encoder.changes").children():
        assert isinstance(change, torch.nn.Conv2d)
        torch.nn.init.normal_(change.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    missing, unchanged = image(), image()
    missing[:, [0, 4]] = 0.0
    unchanged[:, 4], unchanged[:, 0] = unchanged[:, 1], unchanged[:, 2]
    with torch.no_grad():
        assert torch.equal(network(missing), network(unchanged))
        assert not torch.equal(network(image()), network(unchanged))
