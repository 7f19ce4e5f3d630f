/** What is drawn on the map now: an outline that is edited, a new one, or a line that cuts. */

import { computed, signal } from "@preact/signals";
import type { Position } from "geojson";

import { notify } from "../core/notify";
import { author } from "../core/store";
import type { FeatureDetail, PolygonGeometry } from "../core/types";
import { t } from "../i18n";
import { mapView } from "../map/mapView";
import { areaM2, outlineProblem } from "./geometry";
import { OutlineEditor, type Tool } from "./outlineEditor";
import { current, readOnly, requestFor, watch } from "./session";
import { splitByLine } from "./split";
import { submit } from "./submit";

interface Editing {
  kind: "outline" | "draw" | "split";
  /** Polygon that is edited or cut; null: a new one. */
  polygon: FeatureDetail | null;
  freehand: boolean;
  changed: boolean;
  area_m2: number | null;
}

export const editing = signal<Editing | null>(null);
export const unsavedOutline = computed(() => editing.value?.changed ?? false);
/** What is to be done if an outline with unsaved changes may be dropped; null: not asked. */
export const askingToLeave = signal<(() => void) | null>(null);

let editor: OutlineEditor | null = null;

function begin(value: Editing): OutlineEditor | null {
  const view = mapView.peek();
  if (!view) return null;
  if (readOnly.peek()) {
    notify("info", t("review.readOnly"));
    return null;
  }
  editor ??= new OutlineEditor(view.map, { edited, drawn });
  view.picking = false;
  editing.value = value;
  return editor;
}

export function editOutline(): void {
  const polygon = current.peek();
  if (!polygon) return;
  const area_m2 = areaM2(polygon.geometry);
  begin({ kind: "outline", polygon, freehand: false, changed: false, area_m2 })?.edit(polygon.geometry);
}

export function drawNew(freehand = false): void {
  begin({ kind: "draw", polygon: null, freehand, changed: false, area_m2: null })?.start(tool("draw", freehand));
}

export function cut(): void {
  const polygon = current.peek();
  if (!polygon) return;
  begin({ kind: "split", polygon, freehand: false, changed: false, area_m2: null })?.start("line");
}

const tool = (kind: Editing["kind"], freehand: boolean): Tool =>
  kind === "split" ? "line" : freehand ? "freehand" : "polygon";

function edited(): void {
  const now = editing.peek();
  if (!now || !editor) return;
  const geometry = editor.geometry();
  editing.value = { ...now, changed: editor.changed, area_m2: geometry && areaM2(geometry) };
}

function drawn(places: Position[]): void {
  const now = editing.peek();
  if (!now) return;
  if (now.kind === "split" && now.polygon) saveSplit(now.polygon, places);
  else if (now.kind === "draw") saveNew({ type: "Polygon", coordinates: [places] });
}

/** Save the outline, or end what is being drawn where it is. */
export function finish(): void {
  const now = editing.peek();
  if (!now || !editor) return;
  if (now.kind !== "outline") {
    editor.finish();
    return;
  }
  const geometry = editor.geometry();
  if (!now.polygon || !geometry) return refuse("few");
  if (!editor.changed) return leave();
  const problem = outlineProblem(geometry);
  if (problem) return refuse(problem);
  submit({ ...requestFor("redraw", [now.polygon]), geometries: [geometry], seconds: watch.seconds() }, [now.polygon], {});
  leave();
}

function saveNew(geometry: PolygonGeometry): void {
  const problem = outlineProblem(geometry);
  if (problem) {
    refuse(problem);
    const now = editing.peek();
    editor?.start(tool("draw", now?.freehand ?? false));
    return;
  }
  submit({ action: "draw", author: author.peek(), polygons: [], geometries: [geometry], seconds: watch.seconds() }, [], {});
  leave();
}

function saveSplit(polygon: FeatureDetail, line: Position[]): void {
  const pieces = splitByLine(polygon.geometry, line);
  if (pieces.length < 2) {
    notify("info", t("review.split.none"));
    editor?.start("line");
    return;
  }
  submit({ ...requestFor("split", [polygon]), geometries: pieces, seconds: watch.seconds() }, [polygon], {});
  notify("success", t("review.split.done", { count: pieces.length }));
  leave();
}

function refuse(problem: "few" | "crossing" | "empty" | "hole"): void {
  notify("error", t(`review.outline.${problem}`));
}

export function undoCorner(): void {
  editor?.undo();
}

export function redoCorner(): void {
  editor?.redo();
}

/** Leave without saving; asks first if something would be lost. */
export function cancel(then: () => void = () => undefined): void {
  if (unsavedOutline.peek()) {
    askingToLeave.value = then;
    return;
  }
  leave();
  then();
}

export function leave(): void {
  askingToLeave.value = null;
  editor?.stop();
  editor = null;
  editing.value = null;
  const view = mapView.peek();
  // The click that ended the drawing picks nothing.
  setTimeout(() => {
    if (view && !editing.peek()) view.picking = true;
  }, 350);
}
