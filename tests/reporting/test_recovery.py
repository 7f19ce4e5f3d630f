"""Charts of recovery."""

from pathlib import Path

import numpy as np
import pandas as pd

from landslip.core.choices import Language
from landslip.multitemporal.recovery.survival import survival_curve
from landslip.reporting.recovery import write_charts


def test_charts_are_written_for_what_there_is(tmp_path: Path) -> None:
    trajectories = pd.DataFrame(
        {
            "id": ["1", "1", "2", "2"],
            "years": [0.1, 2.1, 0.1, 2.1],
            "rate": [0.0, 0.5, 0.0, 0.9],
        }
    )
    landslides = pd.DataFrame({"half_life_years": [2.0, np.nan], "returning": ["returning", ""]})
    survival = survival_curve(np.array([2.1, 1.9]), np.array([False, True]))
    names = write_charts(landslides, trajectories, survival, tmp_path, Language.ENGLISH)
    assert names == ["recovery_rates.svg", "half_lives.svg", "survival.svg"]
    assert "1 of 2 landslides have recovered" in (tmp_path / "survival.svg").read_text()

    none = landslides.assign(half_life_years=np.nan)
    for rate in (np.nan, np.array([np.nan, 0, np.nan, 0])):  # 0 is of the first date after
        nothing = trajectories.assign(rate=rate)
        assert write_charts(none, nothing, None, tmp_path, Language.ENGLISH) == []


def test_charts_are_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    survival = survival_curve(np.array([2.1, 1.9]), np.array([False, True]))
    nothing = pd.DataFrame({"rate": [np.nan], "half_life_years": [np.nan]})
    write_charts(nothing, nothing, survival, tmp_path, Language.CHINESE)
    assert "2 个滑坡中已恢复 1 个" in (tmp_path / "survival.svg").read_text("utf-8")
