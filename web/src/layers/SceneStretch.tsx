/** Bands and stretch of a scene. */

import { useSignal } from "@preact/signals";

import { formatNumber } from "../core/format";
import { RangeSlider } from "../core/RangeSlider";
import { Segmented } from "../core/Segmented";
import type { Raster } from "../core/types";
import { t } from "../i18n";
import { renderingOf, setRendering } from "../map/layerState";
import { bandLabel } from "../map/names";
import { bandLimits, composites, shownBands } from "../map/rendering";

const COLOURS = ["#e5484d", "#30a46c", "#3b82f6"];

export function SceneStretch({ scene }: { scene: Raster }) {
  const together = useSignal(false);
  const rendering = renderingOf(scene);
  const possible = composites(scene);
  const bands = shownBands(scene, rendering);
  const changed = Object.keys(rendering.limits).length > 0 || rendering.gamma !== 1;
  return (
    <>
      {possible.length > 1 && (
        <Segmented
          label={t("composite")}
          value={rendering.composite}
          choices={possible.map((value) => ({ value, label: t(`composite.${value}`) }))}
          onChange={(composite) => setRendering(scene, { composite })}
        />
      )}
      {rendering.composite === "band" && scene.bands.length > 1 && (
        <select
          aria-label={t("composite.band")}
          value={rendering.band}
          onChange={(event) => setRendering(scene, { band: Number(event.currentTarget.value) })}
        >
          {scene.bands.map((band) => (
            <option key={band.index} value={band.index}>
              {band.index} · {bandLabel(band.name)}
            </option>
          ))}
        </select>
      )}
      <details class="stretch">
        <summary>{t("stretch")}</summary>
        <div class="stretch-body">
          {bands.map((index, at) => (
            <BandLimits
              key={index}
              scene={scene}
              index={index}
              colour={bands.length === 3 ? COLOURS[at]! : "var(--accent)"}
              all={together.value ? bands : [index]}
            />
          ))}
          {bands.length > 1 && (
            <label class="check">
              <input
                type="checkbox"
                checked={together.value}
                onChange={(event) => {
                  together.value = event.currentTarget.checked;
                }}
              />
              {t("stretch.together")}
            </label>
          )}
          <label class="slider-row">
            <span>{t("stretch.gamma")}</span>
            <input
              type="range"
              min={0.3}
              max={3}
              step={0.05}
              value={rendering.gamma}
              onInput={(event) => setRendering(scene, { gamma: event.currentTarget.valueAsNumber })}
            />
            <output class="number">{rendering.gamma.toFixed(2)}</output>
          </label>
          <button
            type="button"
            class="button button-small"
            disabled={!changed}
            onClick={() => setRendering(scene, { limits: {}, gamma: 1 })}
          >
            {t("stretch.reset")}
          </button>
        </div>
      </details>
    </>
  );
}

interface BandLimitsProperties {
  scene: Raster;
  index: number;
  colour: string;
  /** Bands that get the same limits, in shares of their own range. */
  all: readonly number[];
}

function BandLimits({ scene, index, colour, all }: BandLimitsProperties) {
  const band = scene.bands.find((one) => one.index === index);
  if (!band) return null;
  const rendering = renderingOf(scene);
  const [low, high] = bandLimits(scene, rendering, index);
  // Extremes are often a few odd pixels: the slider's ends are near what is usual.
  const span = band.high - band.low || 1;
  const ends = [Math.max(band.minimum, band.low - span), Math.min(band.maximum, band.high + 2 * span)] as const;
  return (
    <div class="band-limits">
      <span>{bandLabel(band.name)}</span>
      <RangeSlider
        label={bandLabel(band.name)}
        labels={[t("stretch.low"), t("stretch.high")]}
        minimum={Math.min(ends[0], low)}
        maximum={Math.max(ends[1], high)}
        low={low}
        high={high}
        format={formatNumber}
        colour={colour}
        onChange={(from, to) => {
          const limits: Record<number, readonly [number, number]> = { ...rendering.limits };
          const shares = [(from - band.low) / span, (to - band.low) / span] as const;
          for (const one of all) {
            const other = scene.bands.find((each) => each.index === one);
            if (!other) continue;
            const range = other.high - other.low || 1;
            limits[one] = [other.low + shares[0] * range, other.low + shares[1] * range];
          }
          setRendering(scene, { limits });
        }}
      />
      <output class="number">
        {formatNumber(low, 3)} – {formatNumber(high, 3)}
      </output>
    </div>
  );
}
