"""What number formats a device computes in."""

import torch


def computes_in_bf16(device: torch.device) -> bool:
    """Whether convolutions in bf16 are faster there than in float32.

    On CPUs: those with bf16 instructions (AVX512-BF16 or AMX); without them bf16 is emulated.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
