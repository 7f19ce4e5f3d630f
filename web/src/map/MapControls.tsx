/** Buttons over the map. */

import { inventory, workspace } from "../core/store";
import { Icon } from "../core/icons";
import { t } from "../i18n";
import { compareTarget, comparing } from "./compare";
import { mapView } from "./mapView";

/** All that there is to see. */
export function fitAll(): void {
  const chosen = inventory.peek();
  const bounds = chosen && chosen.count > 0 ? chosen.bounds : workspace.peek()?.rasters[0]?.bounds;
  if (bounds) mapView.peek()?.fitTo(bounds);
}

export function toggleCompare(): void {
  comparing.value = !comparing.peek() && compareTarget.peek() !== null;
}

export function MapControls() {
  const map = mapView.value?.map;
  return (
    <div class="map-controls" role="group" aria-label={t("map.controls")}>
      <div class="map-card button-column">
        <button type="button" class="icon-button" aria-label={t("map.zoomIn")} title={`${t("map.zoomIn")} (+)`} onClick={() => map?.zoomIn()}>
          <Icon name="plus" />
        </button>
        <button type="button" class="icon-button" aria-label={t("map.zoomOut")} title={`${t("map.zoomOut")} (−)`} onClick={() => map?.zoomOut()}>
          <Icon name="minus" />
        </button>
        <button type="button" class="icon-button" aria-label={t("map.fit")} title={`${t("map.fit")} (F)`} onClick={fitAll}>
          <Icon name="fit" />
        </button>
      </div>
      {compareTarget.value && (
        <div class="map-card button-column">
          <button
            type="button"
            class="icon-button"
            aria-pressed={comparing.value}
            aria-label={t("compare")}
            title={`${t("compare")} (C)`}
            onClick={toggleCompare}
          >
            <Icon name="swipe" />
          </button>
        </div>
      )}
    </div>
  );
}
