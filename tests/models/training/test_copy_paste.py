import numpy as np

from landslip.models.training.copy_paste import CopyPaste, Crop, pasted


def crop(value: float, landslide: tuple[slice, slice] | None = None) -> Crop:
    label = np.zeros((32, 32), dtype=np.uint8)
    if landslide is not None:
        label[landslide] = 1
    return np.full((2, 32, 32), value, dtype=np.float32), label, np.ones((32, 32), dtype=np.bool_)


def test_landslides_come_over_and_their_surroundings_do_not() -> None:
    donor = crop(5.0, (slice(12, 20), slice(12, 20)))  # central: flips leave it where it is
    under = crop(1.0, (slice(0, 3), slice(0, 3)))
    under[2][15, :] = False
    image, label, counted = pasted(under, donor, np.random.default_rng(0))
    assert label[:3, :3].all()
    assert label[13:15, 13:19].all()
    assert label[:, 24:].sum() == 0
    assert image[0, 16, 16] > 4
    assert 1.2 < image[0, 12, 10] < 3  # blended beside the edge
    assert image[0, 2, 28] == 1
    assert (image[:, 15] == 1).all()  # what does not count stays as it was
    np.testing.assert_array_equal(counted, under[2])


def test_landslides_are_turned_and_mirrored() -> None:
    donor = crop(5.0, (slice(2, 8), slice(18, 26)))
    corners = set()
    for seed in range(40):
        label = pasted(crop(1.0), donor, np.random.default_rng(seed))[1]
        rows, cols = np.nonzero(label)
        corners.add((int(rows.min()), int(cols.min())))
    assert len(corners) == 8


def test_a_share_of_crops_is_pasted_into() -> None:
    generator = np.random.default_rng(0)
    rule = CopyPaste(share=0.3, donors=[4, 9])
    drawn = [rule.draw(generator) for _ in range(2000)]
    assert abs(sum(one is not None for one in drawn) / 2000 - 0.3) < 0.04
    assert set(drawn) == {None, 4, 9}
    assert CopyPaste(share=1.0, donors=[]).draw(generator) is None
