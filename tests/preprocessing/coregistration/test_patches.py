import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.coregistration.patches import patch_centres, patch_window


def test_patches_span_the_image_from_edge_to_edge() -> None:
    centres = patch_centres((500, 800), 3, 100)
    assert centres.tolist() == [[x, y] for y in (50, 250, 450) for x in (50, 400, 750)]


@pytest.mark.parametrize("size", [64, 65])
def test_windows_of_centres_are_whole_and_inside(size: int) -> None:
    shape = (333, 471)
    for centre in patch_centres(shape, 7, size):
        window = patch_window(centre, size)
        assert window.clipped(shape) == window
        assert (window.col_off + size / 2, window.row_off + size / 2) == tuple(centre)


def test_small_images_have_fewer_patches_that_overlap_by_half_at_most() -> None:
    centres = patch_centres((100, 100), 15, 50)
    assert np.unique(centres[:, 0]).tolist() == [25, 50, 75]
    assert patch_centres((50, 50), 15, 50).tolist() == [[25, 25]]
    assert patch_window(np.array([25.0, 25.0]), 50) == Window(0, 0, 50, 50)


def test_patches_larger_than_the_image_are_refused() -> None:
    with pytest.raises(InputError, match="got 4 patches of 65 px along each side of 80 x 64 px"):
        patch_centres((64, 80), 4, 65)
