from pathlib import Path

import pytest

from landslip.core.errors import InputError
from landslip.multitemporal.tracking.request import TrackingRequest

TWICE = (Path("2013.gpkg"), Path("2014.gpkg"), Path("2013.gpkg"))


def test_an_inventory_is_not_tracked_twice() -> None:
    with pytest.raises(InputError, match=r"2013\.gpkg: given twice"):
        TrackingRequest(inventories=TWICE)


def test_one_file_may_be_what_was_there_on_several_stated_dates() -> None:
    dates = ("2013", "2014", "2015")
    assert TrackingRequest(inventories=TWICE, dates=dates).inventories == TWICE
