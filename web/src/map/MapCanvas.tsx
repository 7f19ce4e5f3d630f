/** Where the map is drawn. */

import { useEffect, useRef } from "preact/hooks";

import { makeMap } from "./mapView";
import { t } from "../i18n";
import { select, selection } from "../core/store";
import { mapView } from "./mapView";
import { effect } from "@preact/signals";

export function MapCanvas() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    return makeMap(place.current, null, { "Map.Title": t("map") });
  }, []);
  useEffect(
    () =>
      effect(() =>
        mapView.value?.onSelect((pick) => {
          if (pick === null) return;
          const others = selection.peek().filter((id) => id !== pick.id);
          if (!pick.more) select([pick.id]);
          else select(others.length < selection.peek().length ? others : [...others, pick.id]);
        }),
      ),
    [],
  );
  return <div ref={place} class="map-canvas" id="map" />;
}
