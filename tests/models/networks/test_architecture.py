import subprocess
import sys

import pytest
from pydantic import ValidationError

from landslip.core.choices import Arch, Head
from landslip.models.networks.architecture import Architecture, min_batch_size, multiple_of


def test_the_improved_unet_has_no_encoder_whatever_is_given() -> None:
    arch = Arch.IMPROVED_UNET
    assert Architecture(arch=arch).encoder == "none"
    assert Architecture(arch=arch, encoder="resnet34") == Architecture(arch=arch)
    assert Architecture(arch=Arch.ALBUNET, encoder="resnet34").encoder == "resnet34"
    assert Architecture.model_validate({"arch": "improved-unet"}).encoder == "none"


def test_a_description_of_before_is_a_linknet() -> None:
    found = Architecture.model_validate({"encoder": "resnet18", "bands": ["red"]})
    assert (found.arch, found.encoder, found.title) == (Arch.LINKNET, "resnet18", "LinkNet")


def test_the_version_is_the_oldest_that_can_express_the_network() -> None:
    assert Architecture.model_validate({"arch": "linknet"}).version == 1
    assert Architecture(head=Head.LEAKY).version == 2
    written = Architecture(head=Head.SILU).model_dump(mode="json")
    assert (written["head"], written["version"]) == ("silu", 2)
    assert Architecture.model_validate(written) == Architecture(head=Head.SILU)


@pytest.mark.parametrize("stated", [{"version": 1, "head": "leaky"}, {"version": 4}], ids=str)
def test_a_version_that_cannot_be_is_refused(stated: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"reads up to version 3; got \d; use the landslip"):
        Architecture.model_validate(stated)


def test_a_network_of_two_dates_needs_the_newest_version() -> None:
    assert Architecture(arch=Arch.TWO_DATE_LINKNET).version == 3
    with pytest.raises(ValidationError, match="needs version 3, and this landslip reads"):
        Architecture.model_validate({"arch": "two-date-linknet", "version": 2})


def test_only_linknet_has_settings_of_head_and_decoder() -> None:
    stated = {"head": "leaky", "encoder_levels": 3, "decoder_width": 32}
    found = Architecture.model_validate({"arch": "unet", **stated})
    assert found == Architecture(arch=Arch.UNET)
    narrow = Architecture.model_validate({"decoder_width": 32})
    assert (narrow.encoder_levels, narrow.decoder_width, narrow.version) == (4, 32, 2)


def test_every_network_has_a_title_of_its_own() -> None:
    assert len({Architecture(arch=arch).title for arch in Arch}) == len(Arch)
    assert Architecture(arch=Arch.IMPROVED_UNET).title == "improved U-Net"


def test_multiples() -> None:
    assert {arch.value: multiple_of(arch) for arch in Arch} == {
        "linknet": 32,
        "two-date-linknet": 32,
        "albunet": 64,
        "improved-unet": 16,
        "unet": 32,
        "unetplusplus": 32,
        "deeplabv3plus": 32,
        "segformer": 32,
        "upernet": 32,
    }
    assert Architecture(arch=Arch.ALBUNET).multiple == 64


def test_only_networks_that_pool_whole_tiles_need_two_of_them() -> None:
    assert {arch for arch in Arch if min_batch_size(arch) == 2} == {
        Arch.DEEPLAB_V3_PLUS,
        Arch.UPERNET,
    }


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(
        ValidationError, match="'linknet', 'two-date-linknet', 'albunet', 'improved-unet', 'unet'"
    ):
        Architecture.model_validate({"arch": "fpn"})


def test_no_torch_is_needed_to_describe_a_network() -> None:
    program = (
        "import sys; sys.modules['torch'] = None; import landslip.models.networks.architecture"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
