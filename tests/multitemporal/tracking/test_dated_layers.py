from pathlib import Path

from tests.reporting.inventory.factories import InventoryContents, write_inventory

import landslip


def test_inventories_of_a_model_that_nobody_judged_are_told(tmp_path: Path) -> None:
    of_model = write_inventory(tmp_path / "first", InventoryContents(date="2013-08-12"))
    own = write_inventory(tmp_path / "own", InventoryContents(date="2014-10-02", model=False))
    found = landslip.track([of_model, own], out=tmp_path / "tracks").record
    (warning,) = [one for one in found.messages if one.key == "warning.tracks_unjudged"]
    assert warning.text().startswith("first: a model mapped these")
    alone = landslip.track([of_model], out=tmp_path / "alone").record
    assert "warning.tracks_unjudged" not in [one.key for one in alone.messages]
