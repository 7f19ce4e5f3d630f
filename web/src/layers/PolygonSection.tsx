/** Polygons: colours, fill, width, and how far their tiles are. */

import { filtering, inventory } from "../core/store";
import { formatPercent } from "../core/format";
import { t } from "../i18n";
import { change, polygonLayer, stateClasses } from "../map/layerState";
import type { PolygonColour } from "../map/expressions";
import { mapView } from "../map/mapView";
import { Icon } from "../core/icons";
import { total } from "../table/rows";
import { Opacity } from "./LayersPanel";

/** Tiles of the whole hold so many at most. */
const MANY = 5000;

export function PolygonSection() {
  const chosen = inventory.value!;
  const state = polygonLayer.value;
  const choices: PolygonColour[] = ["confidence", "verdict", "plain"];
  if (stateClasses.value.length > 0) choices.splice(2, 0, "state");
  return (
    <section class="panel-section layer-section" aria-label={t("layer.polygons")}>
      <div class="layer-header">
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={state.shown}
            onChange={(event) => change(polygonLayer, { shown: event.currentTarget.checked })}
          />
          <span>{t("layer.polygons")}</span>
        </label>
        <span class="muted number">{filtering.value ? t("polygons.filtered", { count: total.value, all: chosen.count }) : t("polygons.count", { count: chosen.count })}</span>
        {chosen.count > 0 && (
          <button
            type="button"
            class="icon-button"
            aria-label={t("layer.fit", { name: t("layer.polygons") })}
            title={t("layer.fit", { name: t("layer.polygons") })}
            onClick={() => mapView.value?.fitTo(chosen.bounds)}
          >
            <Icon name="fit" size={18} />
          </button>
        )}
      </div>
      {chosen.count > MANY && <p class="threshold-note muted">{t("polygons.many")}</p>}
      {!chosen.tiles_ready && chosen.count > 0 && (
        <div class="tiles-progress" role="status">
          <span>{t("polygons.preparing", { share: formatPercent(chosen.tiles_progress) })}</span>
          <progress class="progress" max={1} value={chosen.tiles_progress} aria-label={t("polygons.progress")} />
        </div>
      )}
      {state.shown && (
        <div class="layer-body">
          <label class="slider-row select-row">
            <span>{t("polygons.colour")}</span>
            <select
              value={state.colour}
              onChange={(event) => change(polygonLayer, { colour: event.currentTarget.value as PolygonColour })}
            >
              {choices.map((one) => (
                <option key={one} value={one}>
                  {t(`polygons.colour.${one}`)}
                </option>
              ))}
            </select>
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={state.fill === 0}
              onChange={(event) => change(polygonLayer, { fill: event.currentTarget.checked ? 0 : 0.25 })}
            />
            {t("polygons.outline")}
          </label>
          {state.fill > 0 && (
            <Opacity
              label={t("polygons.fill")}
              value={state.fill}
              onChange={(fill) => change(polygonLayer, { fill: Math.max(0.05, fill) })}
            />
          )}
          <label class="slider-row">
            <span>{t("polygons.width")}</span>
            <input
              type="range"
              min={0.5}
              max={5}
              step={0.25}
              value={state.width}
              aria-valuetext={`${state.width} px`}
              onInput={(event) => change(polygonLayer, { width: event.currentTarget.valueAsNumber })}
            />
            <output class="number">{state.width}</output>
          </label>
        </div>
      )}
    </section>
  );
}
