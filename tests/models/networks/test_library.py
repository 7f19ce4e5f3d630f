"""Networks of segmentation-models-pytorch against the library itself."""

import pytest
import segmentation_models_pytorch as smp
import torch

from landslip.core.choices import Arch
from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.library import LIBRARY

BANDS = ("blue", "green", "red", "nir")


@pytest.mark.parametrize("arch", LIBRARY, ids=str)
def test_it_is_the_librarys_network(arch: Arch) -> None:
    network = build_network(Architecture(arch=arch, encoder="test_resnet", bands=BANDS), seed=1)
    theirs = smp.create_model(
        arch.value, encoder_name="tu-test_resnet", encoder_weights=None, in_channels=4
    )
    theirs.load_state_dict(dict(network.state_dict()))
    image = torch.randn(1, 4, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found, expected = network.eval()(image), theirs.eval()(image)
    assert found.shape == (1, 1, 64, 96)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("arch", LIBRARY, ids=str)
def test_backbones_without_a_feature_at_half_size(arch: Arch) -> None:
    network = build_network(Architecture(arch=arch, encoder="convnext_atto", bands=BANDS))
    network = network.to("meta").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 4, 64, 32, device="meta")).shape == (1, 1, 64, 32)


def test_features_with_channels_last_are_taken() -> None:
    network = build_network(Architecture(arch=Arch.UPERNET, encoder="mambaout_femto"))
    network = network.to("meta").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 32, device="meta")).shape == (1, 1, 64, 32)


@pytest.mark.parametrize(
    ("arch", "encoder", "message"),
    [
        (Arch.UNET, "resnet_fifty", "--encoder resnet_fifty: not a timm backbone"),
        (Arch.SEGFORMER, "swin_tiny_patch4_window7_224", "images of any size is needed"),
        (Arch.LINKNET, "maxvit_pico_rw_256", "images of any size is needed"),
        (Arch.DEEPLAB_V3_PLUS, "pvt_v2_b0", r"does not fit the DeepLabV3\+ of .*output_stride"),
        (Arch.DEEPLAB_V3_PLUS, "vgg11", r"does not fit the DeepLabV3\+ of .*AssertionError"),
    ],
)
def test_what_does_not_fit_is_refused(arch: Arch, encoder: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_network(Architecture(arch=arch, encoder=encoder))
