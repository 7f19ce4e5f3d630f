/** Threshold of the probability layer; moving it asks the server for nothing. */

import { inventory, raster } from "../core/store";
import { t } from "../i18n";
import { probabilityLayer, setThreshold } from "../map/layerState";
import { gradient } from "../map/ramps";

export function ThresholdSlider() {
  const { threshold, id } = probabilityLayer.value;
  const own = inventory.value?.threshold ?? raster(id)?.threshold ?? null;
  return (
    <div class="threshold">
      <label class="slider-row">
        <span>{t("threshold")}</span>
        <input
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={threshold}
          onInput={(event) => setThreshold(event.currentTarget.valueAsNumber)}
        />
        <output class="number">{threshold.toFixed(2)}</output>
      </label>
      <div class="ramp" aria-hidden="true">
        <span style={{ left: `${threshold * 100}%`, background: gradient(threshold, 1) }} />
      </div>
      <p class="threshold-note muted">
        {t("threshold.note")}{" "}
        {own !== null && Math.abs(own - threshold) > 0.005 && (
          <button type="button" class="link" onClick={() => setThreshold(own)}>
            {t("threshold.model", { value: own.toFixed(2) })}
          </button>
        )}
      </p>
    </div>
  );
}
