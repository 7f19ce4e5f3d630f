/** Dates of a series: a slider, step buttons, and play. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { formatDate } from "../core/format";
import { Icon } from "../core/icons";
import { workspace } from "../core/store";
import { t } from "../i18n";
import { shortName } from "./names";
import { dateIndex, series, seriesId, showDate } from "./series";

const STEP_MS = 1400;

export function TimeSlider() {
  const playing = useSignal(false);
  const shown = series.value;
  const count = shown?.dates.length ?? 0;
  useEffect(() => {
    if (!playing.value || count === 0) return;
    const timer = setInterval(() => showDate(((dateIndex.peek() ?? -1) + 1) % count), STEP_MS);
    return () => clearInterval(timer);
  }, [playing.value, count]);
  if (!shown) return null;
  const at = dateIndex.value;
  const all = workspace.value?.series ?? [];
  const date = at === null ? undefined : shown.dates[at]?.date;
  return (
    <div class="time-slider" role="group" aria-label={t("series")}>
      {all.length > 1 && (
        <select
          aria-label={t("series")}
          value={shown.id}
          onChange={(event) => {
            seriesId.value = event.currentTarget.value;
          }}
        >
          {all.map((one) => (
            <option key={one.id} value={one.id}>
              {shortName(one.name)}
            </option>
          ))}
        </select>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={playing.value ? t("series.pause") : t("series.play")}
        onClick={() => {
          playing.value = !playing.value;
        }}
      >
        <Icon name={playing.value ? "pause" : "play"} />
      </button>
      <button type="button" class="icon-button" aria-label={t("series.previous")} disabled={at === 0} onClick={() => stepDate(-1)}>
        <Icon name="previous" />
      </button>
      <input
        type="range"
        min={0}
        max={count - 1}
        step={1}
        value={at ?? 0}
        aria-label={t("series.date")}
        aria-valuetext={date ? formatDate(date) : t("series.none")}
        onInput={(event) => showDate(event.currentTarget.valueAsNumber)}
      />
      <button type="button" class="icon-button" aria-label={t("series.next")} disabled={at === count - 1} onClick={() => stepDate(1)}>
        <Icon name="next" />
      </button>
      <output class="number">{date ? formatDate(date) : "–"}</output>
    </div>
  );
}

/** Show the date so many steps later. */
export function stepDate(by: number): void {
  const count = series.peek()?.dates.length ?? 0;
  const at = dateIndex.peek();
  showDate(Math.min(count - 1, Math.max(0, (at ?? (by > 0 ? -1 : 1)) + by)));
}
