import itertools
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.inference.plan import (
    _LARGEST_SIDE,
    BlockLayout,
    PlanRequest,
    WindowCosts,
    WindowPlan,
    lattice_corner,
    memory_of,
    plan_windows,
    seconds_of,
)

MIB = 2**20
COSTS = WindowCosts(
    resident_bytes=400 * MIB,
    computing_bytes_per_px=120.0,
    reading_bytes_per_px=14.0,
    streams=2,
    readers=2,
    px_per_s=1e6,
)
STORAGE = BlockLayout(block=(512, 512), bytes_per_px=8)


def request(shape: tuple[int, int], **known: Any) -> PlanRequest:
    """Return a request of the usual kind; ``known`` is what is not usual in it."""
    usual: dict[str, Any] = {
        "corner": (0, 0),
        "multiple": 32,
        "overlap": 64,
        "memory_bytes": 2048 * MIB,
        "costs": COSTS,
        "blocks": STORAGE,
    }
    return PlanRequest(shape=shape, **(usual | known))


@st.composite
def small_requests(draw: st.DrawFn) -> PlanRequest:
    """Draw a request for a scene so small that its pixels can be counted."""
    multiple = draw(st.sampled_from([8, 16, 32]))
    overlap = multiple * draw(st.integers(0, 4))
    least = max(2 * overlap // multiple, 1)
    sides = st.none() | st.integers(least, least + 6).map(lambda times: times * multiple)
    return request(
        draw(st.tuples(st.integers(1, 900), st.integers(1, 900))),
        corner=draw(st.tuples(st.integers(1 - multiple, 0), st.integers(1 - multiple, 0))),
        multiple=multiple,
        overlap=overlap,
        side=draw(sides),
        square=draw(st.booleans()),
        costs=replace(
            COSTS, streams=draw(st.integers(1, 3)), px_per_s=draw(st.sampled_from([1e3, 1e6]))
        ),
    )


@st.composite
def large_requests(draw: st.DrawFn) -> PlanRequest:
    """Draw a request for a scene of any size, kept in files of any layout."""
    lengths = st.sampled_from([1, 31, 700, 5_000, 20_000, 65_535, 100_000])
    height, width = draw(st.tuples(lengths, lengths))
    blocks = [(512, 512), (1, width), (16, width), (height, 1), (3000, 48), (height, width)]
    return request(
        (height, width),
        overlap=32 * draw(st.sampled_from([0, 1, 2, 8, 40, 100])),
        memory_bytes=draw(st.sampled_from([600, 1024, 2048, 16_384])) * MIB,
        blocks=BlockLayout(
            block=draw(st.sampled_from(blocks)), bytes_per_px=draw(st.sampled_from([1, 8, 32]))
        ),
    )


@given(asked=small_requests())
def test_windows_cover_every_pixel(asked: PlanRequest) -> None:
    plan = plan_windows(asked)
    (height, width), seen = plan.shape, np.zeros(plan.shape, dtype=int)
    for place in plan:
        window = plan.window_at(*place)
        assert window.shape == plan.window
        inside = window.clipped(plan.shape)
        assert inside is not None, "a window that holds no pixel of the scene"
        seen[inside.slices_in(Window(0, 0, width, height))] += 1
    assert (seen >= 1).all()
    assert seen.max() <= 4


@given(asked=small_requests())
def test_windows_lie_on_the_lattice_and_fit_the_model(asked: PlanRequest) -> None:
    plan = plan_windows(asked)
    for axis, offsets in enumerate((plan.row_offs, plan.col_offs)):
        assert plan.window[axis] % asked.multiple == 0
        assert {(offset - asked.corner[axis]) % asked.multiple for offset in offsets} == {0}
        steps = {later - earlier for earlier, later in itertools.pairwise(offsets)}
        assert steps <= {plan.window[axis] - asked.overlap}
        if asked.side is not None:
            assert plan.window[axis] <= asked.side
    assert not asked.square or plan.window[0] == plan.window[1]


@given(asked=small_requests())
def test_finished_rows_follow_one_another(asked: PlanRequest) -> None:
    plan = plan_windows(asked)
    spans = [plan.finished_rows(row) for row in range(plan.count[0])]
    assert spans[0][0] == 0
    assert spans[-1][1] == plan.shape[0]
    assert all(first < end for first, end in spans)
    assert all(end == first for (_, end), (first, _) in itertools.pairwise(spans))
    for (_, end), later in zip(spans, plan.row_offs[1:], strict=False):
        assert end <= later, "a row that a later window still adds to"


@given(asked=large_requests())
def test_memory_is_kept_to_or_the_scene_refused(asked: PlanRequest) -> None:
    with suppress(InputError):
        plan = plan_windows(asked)
        assert memory_of(plan, asked) <= asked.memory_bytes
        assert plan == plan_windows(asked)
        return
    refused = r"memory: this scene and model need about (\d+) MiB; got"
    with pytest.raises(InputError, match=refused) as told:
        plan_windows(asked)
    needed = int(str(told.value).split(" MiB")[0].split()[-1]) * MIB
    assert needed > asked.memory_bytes
    enough = replace(asked, memory_bytes=needed)
    assert memory_of(plan_windows(enough), enough) <= needed


@pytest.mark.parametrize("shape", [(1, 1), (100_000, 100_000), (65_535, 300), (300, 100_000)])
@pytest.mark.parametrize("block", [(512, 512), (1, None)], ids=["tiles", "strips of a row"])
def test_usual_memory_does_for_every_scene(
    shape: tuple[int, int], block: tuple[int, int | None]
) -> None:
    rows, cols = block
    storage = BlockLayout(block=(rows, cols or shape[1]), bytes_per_px=8)
    plan = plan_windows(request(shape, blocks=storage))
    assert max(plan.window) <= _LARGEST_SIDE


def test_memory_by_hand() -> None:
    plan = WindowPlan(shape=(1000, 2000), window=(256, 512), overlap=64, corner=(0, 0))
    computing, reading = 2 * 120 * 256 * 512, 4 * 14 * 256 * 512
    finishing = 3 * 2000 * 256 + 24 * 4 * MIB
    cache = 32 * MIB  # (256 + 2 * 512) * (512 + 2 * 512) * 8 bytes are less
    whole = 400 * MIB + computing + reading + finishing + cache
    assert memory_of(plan, request((1000, 2000))) == whole
    strips = BlockLayout(block=(100, 2000), bytes_per_px=80)
    assert strips.cache_bytes(plan) == (256 + 200) * 2000 * 80


def test_more_memory_gives_larger_windows_and_less_time() -> None:
    asked = [request((18_000, 18_000), memory_bytes=size * MIB) for size in (700, 1024, 4096)]
    plans = [plan_windows(one) for one in asked]
    areas = [plan.window[0] * plan.window[1] for plan in plans]
    assert areas == sorted(set(areas))
    seconds = [seconds_of(plan, COSTS) for plan in plans]
    assert seconds == sorted(seconds, reverse=True)


def test_windows_of_a_slow_engine_take_a_minute_at_most() -> None:
    slow = replace(COSTS, px_per_s=10_000.0)
    plan = plan_windows(request((18_000, 18_000), costs=slow))
    assert 256 * 256 <= plan.window[0] * plan.window[1] <= 600_000


def test_a_window_of_the_cached_size_takes_half_of_the_longest_delay() -> None:
    costs = replace(
        COSTS, px_per_s=1e6, cached_px=1e6, uncached_s_per_px=1e-6, seconds_per_window=0.01
    )
    assert costs.window_seconds((1000, 1000)) == pytest.approx(0.01 + 1 + 0.5)
    assert costs.window_seconds((3000, 1000)) == pytest.approx(0.01 + 3 + 3 * 0.75)


def test_windows_of_a_fast_engine_stay_in_the_cache_and_a_slow_one_does_not_notice() -> None:
    area = {}
    for speed in (0.4e6, 4e6):
        costs = replace(COSTS, px_per_s=speed, cached_px=3e6, uncached_s_per_px=0.1e-6)
        plan = plan_windows(request((18_000, 18_000), costs=costs))
        area[speed] = plan.window[0] * plan.window[1]
    assert area[4e6] < 2e6
    assert area[0.4e6] > 3e6


def test_little_of_the_last_windows_lies_beyond_the_scene() -> None:
    plan = plan_windows(request((4096, 4096)))
    rows, cols = plan.count
    computed = rows * cols * plan.window[0] * plan.window[1]
    assert computed / 4096**2 < 1.2


def test_a_small_scene_is_one_small_window() -> None:
    plan = plan_windows(request((20, 30), corner=(-16, -8)))
    assert plan.window == (64, 64)
    assert (list(plan.row_offs), list(plan.col_offs)) == ([-16], [-8])


def test_square_windows_are_as_long_as_the_overlaps_along_the_scene_need() -> None:
    narrow = request((20, 1000), overlap=64)
    assert plan_windows(narrow).window[0] == 32
    side, other = plan_windows(replace(narrow, square=True)).window
    assert side == other >= 256
    assert plan_windows(replace(request((20, 30), corner=(-16, -8)), square=True)).window == (
        64,
        64,
    )
    assert plan_windows(request((20, 90), square=True)).window == (96, 96)


def test_windows_by_hand() -> None:
    plan = plan_windows(request((100, 200), corner=(-5, 0), multiple=8, overlap=16, side=64))
    assert plan.window == (64, 64)
    assert list(plan.row_offs) == [-5, 43]
    assert list(plan.col_offs) == [0, 48, 96, 144]
    assert list(plan)[:5] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert plan.window_at(1, 2) == Window(96, 43, 64, 64)
    assert [plan.finished_rows(row) for row in (0, 1)] == [(0, 43), (43, 100)]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        pytest.param(
            {"side": 500}, "tile must be a multiple of 32 for this model; got 500", id="t"
        ),
        pytest.param({"side": 0}, "tile must be a multiple of 32 for this model; got 0", id="none"),
        pytest.param({"side": -32}, "tile must be a multiple of 32.*; got -32", id="negative"),
        pytest.param(
            {"side": 96}, "overlap must be at most half of tile; got 64 of 96", id="too much"
        ),
        pytest.param({"overlap": 3}, "overlap must be a multiple of 32.*; got 3", id="overlap"),
        pytest.param({"overlap": -32}, "overlap must be a multiple of 32.*; got -32", id="below 0"),
        pytest.param(
            {"memory_bytes": 300 * MIB},
            r"memory: this scene and model need about \d{3} MiB; got 300 MiB",
            id="memory",
        ),
        pytest.param(
            {"memory_bytes": 700 * MIB, "side": 2048},
            r"memory: .* need about 1\d{3} MiB with tile=2048; got 700 MiB",
            id="memory for the tile",
        ),
    ],
)
def test_what_cannot_be_used(known: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_windows(request((3000, 3000), **known))


FRAMES = {
    "metres": Affine(1, 0, 500_000, 0, -1, 4_000_000),
    "half a pixel off": Affine(2, 0, 500_001, 0, -2, 3_999_999),
    "a quarter off": Affine(2, 0, 500_000.5, 0, -2, 4_000_001.5),
    "three quarters off": Affine(2, 0, 500_001.5, 0, -2, 4_000_000.5),
    "a quarter of 0.8 m off": Affine(0.8, 0, 0.8 * 1_666_667.25, 0, -0.8, 0.8 * 13_333_333.25),
    "three quarters of 2.1 m off": Affine(2.1, 0, 2.1 * 1_666_667.75, 0, -2.1, 2.1 * 13_333_333.75),
    "a third off": Affine(0.3, 0, 500_000.1, 0, -0.3, 4_000_000.2),
    "0.8 m": Affine(0.8, 0, 431_234.4, 0, -0.8, 3_412_345.6),
    "degrees": Affine(1e-5, 0, 103.2, 0, -1e-5, 31.7),
    "degrees as they come": Affine(8.9831528e-6, 0, 103.212345, 0, -8.9831528e-6, 31.754321),
    "turned": Affine(1.6, 1.2, 500_000, 1.2, -1.6, 4_000_000),
    "south up": Affine(1, 0, 500_000, 0, 1, 4_000_000),
    "no coordinates": Affine.identity(),
}


@pytest.mark.parametrize("name", FRAMES)
@given(
    multiple=st.sampled_from([8, 32, 64]),
    at=st.tuples(st.integers(0, 40_000), st.integers(0, 40_000)),
)
def test_every_crop_has_its_windows_on_the_same_lines(
    name: str, multiple: int, at: tuple[int, int]
) -> None:
    whole, (row, col) = FRAMES[name], at
    x, y = whole @ (col, row)
    cut = Affine(whole.a, whole.b, x, whole.d, whole.e, y)
    corners = [
        lattice_corner(Grid(crs=None, transform=transform, shape=(9, 9)), multiple)
        for transform in (whole, cut)
    ]
    for axis, offset in enumerate((row, col)):
        assert -multiple < corners[1][axis] <= 0
        assert (corners[1][axis] + offset - corners[0][axis]) % multiple == 0


def test_the_lattice_by_hand() -> None:
    grid = Grid(crs=None, transform=Affine(2, 0, 100, 0, -2, 50), shape=(5, 5))
    # the scene's corner is 50 columns right of the map's origin and 25 rows above it
    assert lattice_corner(grid, 8) == (-7, -2)
