/** Scale bar, and the coordinates of the pointer (of the map's centre where there is none). */

import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { inventory } from "../core/store";
import { oneOf, persistent } from "../core/storage";
import type { LonLat } from "../core/types";
import { t } from "../i18n";
import { formatPlace, type PlaceFormat } from "./coordinates";
import { mapView } from "./mapView";
import { gridOf } from "./projection";

const FORMATS: readonly PlaceFormat[] = ["decimal", "sexagesimal", "grid"];
const format = persistent<PlaceFormat>("coordinates", "decimal", oneOf("decimal", "sexagesimal", "grid"));
const pointer = signal<LonLat | null>(null);
const centre = signal<LonLat>([0, 0]);
const metresPerPixel = signal(1);

export function Readout() {
  useEffect(
    () =>
      effect(() => {
        const map = mapView.value?.map;
        if (!map) return;
        const moved = () => {
          const { lng, lat } = map.getCenter();
          centre.value = [lng, lat];
          metresPerPixel.value = (40075016.686 * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom());
        };
        moved();
        map.on("move", moved);
        map.on("mousemove", (event) => {
          pointer.value = [event.lngLat.lng, event.lngLat.lat];
        });
        map.on("mouseout", () => {
          pointer.value = null;
        });
      }),
    [],
  );
  const crs = inventory.value?.crs ?? null;
  const place = pointer.value ?? centre.value;
  const { length, label } = scaleBar(metresPerPixel.value);
  const possible = gridOf(crs) ? FORMATS : FORMATS.slice(0, 2);
  return (
    <div class="readout">
      <button
        type="button"
        class="coordinates number"
        title={t("coordinates.change")}
        aria-label={`${t(pointer.value ? "coordinates.pointer" : "coordinates.centre")}: ${formatPlace(place, format.value, crs)}. ${t("coordinates.change")}`}
        onClick={() => {
          format.value = possible[(possible.indexOf(format.value) + 1) % possible.length] ?? "decimal";
        }}
      >
        {formatPlace(place, format.value, crs)}
      </button>
      <span class="scale-bar" style={{ width: `${length}px` }} role="img" aria-label={t("scale", { length: label })}>
        {label}
      </span>
    </div>
  );
}

/** A round length of at most 110 pixels. */
export function scaleBar(metres: number): { length: number; label: string } {
  const most = metres * 110;
  const power = 10 ** Math.floor(Math.log10(most));
  const round = [5, 2, 1].map((one) => one * power).find((one) => one <= most) ?? power;
  return {
    length: Math.round(round / metres),
    label: round >= 1000 ? `${round / 1000} km` : round >= 1 ? `${round} m` : `${Math.round(round * 100)} cm`,
  };
}
