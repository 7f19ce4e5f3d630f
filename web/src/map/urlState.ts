/** What is shown, in the address: a copied link opens the same view. */

import { batch, effect } from "@preact/signals";

import { inventoryId, raster, select, selected, workspace } from "../core/store";
import { compareChoice, comparing, dividerAt } from "./compare";
import { basemapLayer, change, classLayer, polygonLayer, probabilityLayer, renderingOf, sceneLayer, setRendering, setThreshold } from "./layerState";
import type { PolygonColour } from "./expressions";
import { mapView } from "./mapView";
import { composites, type Composite } from "./rendering";
import { formatView, parseView, type View } from "./view";

const LAYERS = { scene: sceneLayer, probability: probabilityLayer, classes: classLayer, polygons: polygonLayer, basemap: basemapLayer };
const COLOURS: readonly string[] = ["confidence", "verdict", "state", "plain"];

/** Take over what the address says. Returns its view of the map, if it has one. */
export function readAddress(): View | null {
  const words = new URLSearchParams(location.hash.slice(1));
  batch(() => {
    const id = words.get("inventory");
    if (id) inventoryId.value = id;
    const polygon = Number(words.get("polygon") ?? Number.NaN);
    if (Number.isInteger(polygon)) select([polygon]);
    const layers = words.get("layers")?.split(",");
    if (layers) {
      for (const [name, layer] of Object.entries(LAYERS)) change<{ shown: boolean }>(layer, { shown: layers.includes(name) });
    }
    for (const [name, layer] of [["scene", sceneLayer], ["classes", classLayer], ["probability", probabilityLayer]] as const) {
      const raster = words.get(name);
      if (raster) change<{ id: string | null }>(layer, { id: raster });
    }
    const threshold = Number(words.get("threshold") ?? Number.NaN);
    if (threshold >= 0 && threshold <= 1) setThreshold(threshold);
    const colour = words.get("colour");
    if (colour && COLOURS.includes(colour)) change(polygonLayer, { colour: colour as PolygonColour });
    const compared = words.get("compare");
    if (compared) {
      comparing.value = true;
      compareChoice.value = compared;
      const at = Number(words.get("divider") ?? Number.NaN);
      if (at >= 0 && at <= 1) dividerAt.value = at;
    }
  });
  const composite = words.get("bands");
  if (composite) applyComposite(composite);
  return parseView(words.get("view"));
}

/** Once the folder is known: a composite belongs to a scene. */
function applyComposite(text: string): void {
  const stop = effect(() => {
    if (!workspace.value) return;
    const scene = raster(sceneLayer.value.id);
    if (!scene) return;
    const [name, band] = text.split(":");
    if (composites(scene).includes(name as Composite)) {
      setRendering(scene, { composite: name as Composite, ...(band ? { band: Number(band) } : {}) });
    }
    queueMicrotask(() => stop());
  });
}

function address(): string {
  const words = new URLSearchParams();
  const put = (name: string, value: string | number | null) => {
    if (value !== null && value !== "") words.set(name, String(value));
  };
  put("inventory", inventoryId.value);
  put("polygon", selected.value);
  put("layers", Object.entries(LAYERS).filter(([, layer]) => layer.value.shown).map(([name]) => name).join(",") || "none");
  put("scene", sceneLayer.value.id);
  const scene = raster(sceneLayer.value.id);
  if (scene) {
    const { composite, band } = renderingOf(scene);
    put("bands", composite === "band" ? `band:${band}` : composite);
  }
  if (probabilityLayer.value.shown) {
    put("probability", probabilityLayer.value.id);
    put("threshold", probabilityLayer.value.threshold);
  }
  if (classLayer.value.shown) put("classes", classLayer.value.id);
  put("colour", polygonLayer.value.colour);
  if (comparing.value) {
    put("compare", compareChoice.value ?? "1");
    put("divider", dividerAt.value.toFixed(3));
  }
  return words.toString();
}

/** Keep the address that of what is shown. */
export function followAddress(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = (words: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const map = mapView.peek()?.map;
      const view = map ? `&view=${formatView({ center: map.getCenter().toArray() as [number, number], zoom: map.getZoom() })}` : "";
      const hash = `#${words.replaceAll("%2C", ",").replaceAll("%3A", ":")}${view}`;
      if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
    }, 250);
  };
  const stop = effect(() => {
    if (workspace.value) write(address());
  });
  const stopMap = effect(() => {
    const map = mapView.value?.map;
    map?.on("moveend", () => {
      if (workspace.peek()) write(address());
    });
  });
  const stopHash = () => {
    const view = readAddress();
    if (view) mapView.peek()?.map.jumpTo(view);
  };
  window.addEventListener("hashchange", stopHash);
  return () => {
    clearTimeout(timer);
    stop();
    stopMap();
    window.removeEventListener("hashchange", stopHash);
  };
}
