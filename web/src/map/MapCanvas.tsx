/** The map, and what is over it. */

import { computed, effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { EmptyFolder } from "../core/EmptyFolder";
import { isNarrow } from "../core/shell/narrow";
import { bottomPanel, sidePanel } from "../core/shell/panels";
import { inventory, reloadInventory, select, selection, workspace } from "../core/store";
import { cardShown, DetailCard } from "../details/DetailCard";
import { t } from "../i18n";
import { FilterNote } from "./FilterNote";
import { followPolygons } from "./layers/polygons";
import { followRasters } from "./layers/rasters";
import { Legend } from "./Legend";
import { MapControls } from "./MapControls";
import { makeMap, mapView } from "./mapView";
import { Readout } from "./Readout";
import { Swipe } from "./Swipe";
import { TimeSlider } from "./TimeSlider";
import { followAddress, readAddress } from "./urlState";

const TILES_POLL_MS = 1000;
const CARD_PX = 324;
const SHEET_SHARE = 0.56;
const VIEWING = ["layers", "charts"];

export function MapCanvas() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const view = readAddress();
    const stops = [
      makeMap(place.current, view, { "Map.Title": t("map") }),
      effect(() => {
        const made = mapView.value;
        if (!made) return;
        made.covered = covered;
        const follows = [followRasters(made), followPolygons(made), made.onSelect(pick)];
        return () => follows.forEach((stop) => stop());
      }),
      followExtent(view !== null),
      followIdle(place.current),
      followTiles(),
      followAddress(),
    ];
    return () => stops.reverse().forEach((stop) => stop());
  }, []);
  return (
    <>
      <div class="map-stage">
        <div ref={place} class="map-canvas" id="map" tabIndex={-1} />
        <Swipe />
        <MapControls />
        <Legend />
        <FilterNote />
        <Readout />
        <DetailCard />
      </div>
      <TimeSlider />
      <EmptyFolder />
    </>
  );
}

/** The card of details is beside, or on a narrow page the card or a panel below. */
function covered(): { right: number; bottom: number } {
  const card = cardShown.peek();
  if (!isNarrow()) return { right: card ? CARD_PX : 0, bottom: 0 };
  const sheet = card || sidePanel.peek() !== null || bottomPanel.peek() !== null;
  return { right: 0, bottom: sheet ? SHEET_SHARE * (mapView.peek()?.map.getContainer().clientHeight ?? 0) : 0 };
}

function pick(hit: { id: number; more: boolean } | null): void {
  if (hit === null) return;
  // The sheet would hide what is known of the polygon.
  if (isNarrow() && sidePanel.peek() !== null && VIEWING.includes(sidePanel.peek()!)) sidePanel.value = null;
  if (isNarrow()) bottomPanel.value = null;
  const before = selection.peek();
  const others = before.filter((id) => id !== hit.id);
  if (!hit.more) select([hit.id]);
  else select(others.length < before.length ? others : [...others, hit.id]);
}

/** Go to an inventory when it is chosen, to the images of a folder without one. */
function followExtent(known: boolean): () => void {
  let shown: string | null = known ? "address" : null;
  return effect(() => {
    const [view, folder] = [mapView.value, workspace.value];
    if (!view || !folder) return;
    const chosen = inventory.value;
    const target = chosen && chosen.count > 0 ? chosen : (folder.rasters[0] ?? chosen);
    if (!target || target.id === shown) return;
    const first = shown === null;
    const keep = shown === "address";
    shown = target.id;
    if (!keep) view.fitTo(target.bounds, { animate: !first });
  });
}

/** The inventory whose vector tiles are being made. */
const preparing = computed(() => {
  const chosen = inventory.value;
  return chosen && !chosen.tiles_ready && chosen.count > 0 ? chosen.id : null;
});

/** Say in the document when the map rests, for those who drive the page by a program. */
function followIdle(container: HTMLElement): () => void {
  return effect(() => {
    const view = mapView.value;
    if (!view || !workspace.value) return;
    void preparing.value;
    const map = view.map;
    const busy = () => {
      container.dataset["idle"] = "false";
    };
    // Polygons that have no tiles yet are not on the map: a click on one finds nothing.
    const idle = () => {
      container.dataset["idle"] = String(preparing.peek() === null);
    };
    if (view.lost.value) return busy();
    const listeners = [map.on("dataloading", busy), map.on("movestart", busy), map.on("idle", idle)];
    map.triggerRepaint();
    return () => listeners.forEach((one) => one.unsubscribe());
  });
}

/** Ask for the progress of vector tiles until they are ready. */
function followTiles(): () => void {
  return effect(() => {
    const id = preparing.value;
    if (id === null) return;
    // A request that fails is made again.
    const timer = setInterval(() => void reloadInventory(id).catch(() => undefined), TILES_POLL_MS);
    return () => clearInterval(timer);
  });
}
