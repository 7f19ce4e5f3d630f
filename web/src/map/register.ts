/** Panels and keys of the viewer. */

import { ChartsPanel } from "../charts/ChartsPanel";
import { helpOpen } from "../core/shell/HelpDialog";
import { bottomPanel, openPanel, registerPanel, togglePanel } from "../core/shell/panels";
import { registerTopBarItem } from "../core/shell/topBarItems";
import { Problems } from "../core/shell/Problems";
import { registerShortcut, type Shortcut } from "../core/shortcuts";
import { inventory, raster, select, selected, workspace } from "../core/store";
import { LayersPanel } from "../layers/LayersPanel";
import { SearchBox } from "../search/SearchBox";
import { foundPlace, searchOpen } from "../search/state";
import { followTable, stepRow } from "../table/rows";
import { TablePanel } from "../table/TablePanel";
import { compareTarget } from "./compare";
import { followMatches } from "./matches";
import { change, classLayer, followInventory, polygonLayer, probabilityLayer, renderingOf, sceneLayer, setRendering, setThreshold } from "./layerState";
import { fitAll, toggleCompare } from "./MapControls";
import { mapView } from "./mapView";
import { composites } from "./rendering";
import { series } from "./series";
import { stepDate } from "./TimeSlider";

export function registerViewer(): void {
  registerPanel({ id: "layers", label: "panel.layers", icon: "layers", component: LayersPanel, order: 10, place: "side" });
  registerPanel({
    id: "charts",
    label: "panel.charts",
    icon: "chart",
    component: ChartsPanel,
    order: 80,
    place: "side",
    available: () => inventory.value !== null,
  });
  registerPanel({
    id: "table",
    label: "panel.table",
    icon: "table",
    component: TablePanel,
    order: 90,
    place: "bottom",
    available: () => inventory.value !== null,
  });
  registerTopBarItem({ id: "search", order: 10, component: SearchBox });
  registerTopBarItem({ id: "problems", order: 20, component: Problems });
  for (const shortcut of [...PAGE_KEYS, ...MAP_KEYS, ...LAYER_KEYS]) registerShortcut(shortcut);
  followInventory();
  followTable();
  followMatches();
}

const hasInventory = () => inventory.peek() !== null;

const PAGE_KEYS: Shortcut[] = [
  { keys: ["?"], label: "help", group: "keys.page", run: () => (helpOpen.value = true) },
  {
    keys: ["/"],
    label: "search.label",
    group: "keys.page",
    run: () => {
      searchOpen.value = true;
      document.getElementById("search")?.focus();
    },
  },
  { keys: ["Alt+1"], label: "keys.panel.layers", group: "keys.page", run: () => togglePanel("layers") },
  { keys: ["Alt+2"], label: "keys.panel.charts", group: "keys.page", when: hasInventory, run: () => togglePanel("charts") },
  {
    keys: ["Alt+3"],
    label: "keys.panel.table",
    group: "keys.page",
    when: hasInventory,
    run: () => {
      if (bottomPanel.peek() === "table") togglePanel("table");
      else {
        openPanel("table");
        requestAnimationFrame(() => document.querySelector<HTMLElement>("[role=grid]")?.focus());
      }
    },
  },
];

const MAP_KEYS: Shortcut[] = [
  { keys: ["f"], label: "map.fit", group: "keys.map", run: fitAll },
  { keys: ["+", "="], label: "map.zoomIn", group: "keys.map", run: () => mapView.peek()?.map.zoomIn() },
  { keys: ["-"], label: "map.zoomOut", group: "keys.map", run: () => mapView.peek()?.map.zoomOut() },
  { keys: ["c"], label: "compare", group: "keys.map", when: () => compareTarget.peek() !== null, run: toggleCompare },
  { keys: ["["], label: "series.previous", group: "keys.map", when: () => series.peek() !== null, run: () => stepDate(-1) },
  { keys: ["]"], label: "series.next", group: "keys.map", when: () => series.peek() !== null, run: () => stepDate(1) },
  { keys: ["."], label: "keys.next", group: "keys.map", when: hasInventory, run: () => void stepRow(1) },
  { keys: [","], label: "keys.before", group: "keys.map", when: hasInventory, run: () => void stepRow(-1) },
  {
    keys: ["Escape"],
    label: "keys.deselect",
    group: "keys.map",
    when: () => selected.peek() !== null || foundPlace.peek() !== null,
    run: () => {
      if (foundPlace.peek() !== null) foundPlace.value = null;
      else select([]);
    },
  },
];

const LAYER_KEYS: Shortcut[] = [
  toggle("1", "keys.layer.polygons", polygonLayer),
  toggle("2", "keys.layer.scene", sceneLayer),
  toggle("3", "keys.layer.probability", probabilityLayer),
  toggle("4", "keys.layer.classes", classLayer),
  {
    keys: ["o"],
    label: "keys.outline",
    group: "keys.layers",
    run: () => change(polygonLayer, { fill: polygonLayer.peek().fill === 0 ? 0.25 : 0 }),
  },
  { keys: ["b"], label: "keys.bands", group: "keys.layers", run: nextComposite },
  { keys: ["<"], label: "keys.threshold.down", group: "keys.layers", run: () => moveThreshold(-0.05) },
  { keys: [">"], label: "keys.threshold.up", group: "keys.layers", run: () => moveThreshold(0.05) },
];

function toggle(key: string, label: Shortcut["label"], layer: { value: { shown: boolean }; peek: () => { shown: boolean } }): Shortcut {
  return { keys: [key], label, group: "keys.layers", run: () => change(layer, { shown: !layer.peek().shown }) };
}

function moveThreshold(by: number): void {
  const threshold = Math.min(1, Math.max(0, probabilityLayer.peek().threshold + by));
  setThreshold(Number(threshold.toFixed(2)));
  change(probabilityLayer, { shown: true });
}

function nextComposite(): void {
  const scene = workspace.peek() && raster(sceneLayer.peek().id);
  if (!scene) return;
  const possible = composites(scene);
  const at = possible.indexOf(renderingOf(scene).composite);
  setRendering(scene, { composite: possible[(at + 1) % possible.length] ?? "band" });
}
