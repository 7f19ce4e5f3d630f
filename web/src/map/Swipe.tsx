/** The compared image on the right of a line that is dragged or moved with the arrow keys. A second
 * map is drawn over the first and clipped; it takes no events and follows the first one. */

import { effect } from "@preact/signals";
import { Map as MapLibreMap } from "maplibre-gl";
import { useEffect, useRef } from "preact/hooks";

import { api } from "../core/api";
import { Icon } from "../core/icons";
import { filter, inventory } from "../core/store";
import { t } from "../i18n";
import { compareTarget, comparing, dividerAt, type CompareTarget } from "./compare";
import { polygonFilter, PROBABILITY_ENCODING, probabilityColours } from "./expressions";
import { polygonLayer, probabilityLayer, renderingOf } from "./layerState";
import { rasterBounds, RasterSlot } from "./layers/raster";
import { endOf, GROUPS, MapView, mapView } from "./mapView";
import { matches } from "./matches";
import { rasterLabel } from "./names";
import { sceneTiles } from "./rendering";

const STEP = 0.02;

export function Swipe() {
  if (!comparing.value || !mapView.value || !compareTarget.value) return null;
  return <SwipeView view={mapView.value} />;
}

function SwipeView({ view }: { view: MapView }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => (place.current ? mirror(view.map, place.current) : undefined), [view]);
  const target = compareTarget.value!.target;
  const share = dividerAt.value;
  const percent = `${(share * 100).toFixed(2)}%`;
  const move = (to: number) => {
    dividerAt.value = Math.min(1, Math.max(0, to));
  };
  return (
    <>
      <div
        ref={place}
        class="compare-map"
        aria-hidden="true"
        inert
        style={{ clipPath: `inset(0 0 0 ${percent})` }}
      />
      <div class="compare-label" style={{ left: `calc(${percent} + 10px)` }}>
        {targetLabel(target)}
      </div>
      <div
        class="divider"
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={t("compare.divider")}
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
        style={{ left: percent }}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -0.1, PageUp: 0.1 }[event.key];
          if (by !== undefined) move(share + by * (event.shiftKey ? 5 : 1));
          else if (event.key === "Home") move(0);
          else if (event.key === "End") move(1);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          event.preventDefault();
          event.currentTarget.focus();
        }}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
          const box = view.map.getContainer().getBoundingClientRect();
          move((event.clientX - box.left) / box.width);
        }}
      >
        <span class="divider-grip">
          <Icon name="swipe" size={18} />
        </span>
      </div>
    </>
  );
}

export function targetLabel({ raster, composite }: CompareTarget): string {
  return composite ? `${rasterLabel(raster)} · ${t(`composite.${composite}`)}` : rasterLabel(raster);
}

function mirror(main: MapLibreMap, container: HTMLElement): () => void {
  const map = new MapLibreMap({
    container,
    interactive: false,
    style: {
      version: 8,
      sources: {},
      layers: [
        { id: "ground", type: "background", paint: { "background-color": background() } },
        ...GROUPS.map((group) => ({
          id: endOf(group),
          type: "background" as const,
          layout: { visibility: "none" as const },
        })),
      ],
    },
    center: main.getCenter(),
    zoom: main.getZoom(),
    maxZoom: 24,
    maxPitch: 0,
    attributionControl: false,
    fadeDuration: 0,
  });
  const follow = () => map.jumpTo({ center: main.getCenter(), zoom: main.getZoom() });
  main.on("move", follow);
  let stop = () => {};
  map.once("style.load", () => {
    follow();
    const view = new MapView(map);
    const stops = [showTarget(view), showOutlines(view)];
    stop = () => stops.forEach((one) => one());
  });
  return () => {
    main.off("move", follow);
    stop();
    map.remove();
  };
}

const background = () =>
  getComputedStyle(document.documentElement).getPropertyValue("--map-background").trim() || "#dddddd";

function showTarget(view: MapView): () => void {
  const slot = new RasterSlot(view, "scenes", "compared");
  let shown = "";
  return effect(() => {
    const found = compareTarget.value;
    if (!found) return slot.hide();
    const { raster, composite } = found.target;
    const tiles = composite
      ? sceneTiles(raster, { ...renderingOf(raster), composite })
      : api.rasterTiles(raster.id);
    if (tiles !== shown) {
      shown = tiles;
      if (raster.kind === "probability") {
        slot.show(
          { type: "raster-dem", tiles: [tiles], ...PROBABILITY_ENCODING, ...rasterBounds(raster) },
          { type: "color-relief" },
        );
      } else {
        slot.show(
          { type: "raster", tiles: [tiles], ...rasterBounds(raster) },
          { type: "raster", paint: { "raster-fade-duration": 0 } },
        );
      }
    }
    if (raster.kind === "probability" && slot.layer) {
      view.map.setPaintProperty(slot.layer, "color-relief-color", probabilityColours(probabilityLayer.value.threshold));
    }
  });
}

/** The polygons' outlines on that side, so that both are compared with them. */
function showOutlines(view: MapView): () => void {
  return effect(() => {
    view.removeSource("outlines");
    const chosen = inventory.value;
    if (!chosen?.tiles_ready || chosen.count === 0 || !polygonLayer.value.shown) return;
    view.addSource("outlines", {
      type: "vector",
      tiles: [api.vectorTiles(chosen.id)],
      bounds: chosen.bounds,
      minzoom: chosen.min_zoom,
      maxzoom: chosen.max_zoom,
    });
    view.addLayer("polygons", {
      id: "outlines",
      type: "line",
      source: "outlines",
      "source-layer": "landslides",
      paint: { "line-color": "#ffffff", "line-width": 1.25, "line-opacity": 0.85 },
    });
    const rules = polygonFilter(matches.value, filter.value.provenance);
    view.map.setFilter("outlines", rules, { validate: false });
  });
}
