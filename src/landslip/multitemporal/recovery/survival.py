"""How long landslides stay unrecovered: the Kaplan-Meier estimate."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landslip.multitemporal.recovery.rates import RECOVERED_RATE

Values = NDArray[np.float64]
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalCurve:
    """Share of landslides not yet recovered after some years.

    Attributes:
        years: (n,) ascending, at which one recovered or was seen for the last time.
        at_risk: (n,) not yet recovered and still observed just before.
        recovered: (n,) that recovered then.
        share: (n,) not yet recovered from then on (Kaplan & Meier 1958, doi
            10.1080/01621459.1958.10501452).
        low, high: (n,) 95 % interval by Greenwood's variance of log(-log(share)); NaN where it is
            not defined, as before the first recovery.
    """

    years: Values
    at_risk: NDArray[np.int64]
    recovered: NDArray[np.int64]
    share: Values
    low: Values
    high: Values

    @property
    def median_years(self) -> float:
        """Years after which half have recovered; NaN where it was not reached."""
        reached = self.share <= 0.5
        return float(self.years[reached.argmax()]) if reached.any() else float("nan")


def survival_curve(years: Values, recovered: NDArray[np.bool_]) -> SurvivalCurve:
    """Return the estimate for landslides (n,) that recovered after some years.

    Those that did not were seen for the last time then: they are right-censored.
    """
    times = np.unique(years)
    at_risk = np.array([np.count_nonzero(years >= time) for time in times])
    events = np.array([np.count_nonzero((years == time) & recovered) for time in times])
    if not recovered.any():
        share, low, high = np.ones(len(times)), *np.full((2, len(times)), np.nan)
    else:
        data = stats.CensoredData(uncensored=years[recovered], right=years[~recovered])
        function = stats.ecdf(data).sf
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # NaN before the first recovery, and after the last landslide has recovered
            warnings.filterwarnings("ignore", "The confidence interval is undefined")
            interval = function.confidence_interval(_LEVEL, method="log-log")
        share = function.evaluate(times)
        low, high = interval.low.evaluate(times), interval.high.evaluate(times)
    return SurvivalCurve(
        years=times, at_risk=at_risk, recovered=events, share=share, low=low, high=high
    )


def recovery_time(years: Values, rates: Values) -> tuple[float, bool]:
    """Return when a landslide had recovered, or when it was last seen if it had not.

    Args:
        years: (dates,) since the landslide.
        rates: (dates,) recovery rates, NaN where not known.

    Returns:
        Years, between two dates by a straight line to a rate of 0.8, and whether it recovered; NaN
        where no rate is known.
    """
    known = np.isfinite(rates)
    if not known.any():
        return float("nan"), False
    at, values = years[known], rates[known]
    reached = np.flatnonzero(values >= RECOVERED_RATE)
    if len(reached) == 0:
        return float(at[-1]), False
    first = int(reached[0])
    if first == 0:
        return float(at[0]), True
    part = (RECOVERED_RATE - values[first - 1]) / (values[first] - values[first - 1])
    return float(at[first - 1] + part * (at[first] - at[first - 1])), True
