/** What the review's keys and buttons do, each once. */

import { batch } from "@preact/signals";

import { notify } from "../core/notify";
import { registerShortcut } from "../core/shortcuts";
import { sidePanel } from "../core/shell/panels";
import type { IconName } from "../core/icons";
import { raster, select, selection, workspace } from "../core/store";
import { t, type Key } from "../i18n";
import { change, polygonLayer, sceneLayer } from "../map/layerState";
import { currentCell, goToCell, groundShown, markAndGoOn, setLookedAt } from "./coverage";
import { cancel, cut, drawNew, editing, editOutline, finish, redoCorner, undoCorner } from "./editing";
import { overlaps } from "./geometry";
import { LANDSLIDE_TYPES, typeOfKey } from "./landslideTypes";
import { outlineShown } from "./layers";
import { annotate, current, judge, merge, reviewing, walk } from "./session";
import { redo, undo } from "./submit";
import { dialog, tab, type Tab } from "./tabs";
import { showCurrent } from "./view";

export interface ReviewAction {
  id: string;
  keys: readonly string[];
  label: Key;
  /** Shorter, for a button. */
  short: Key;
  group: Key;
  icon: IconName;
  run: () => void;
  when?: () => boolean;
}

const judging = () => reviewing.value && editing.value === null;
const drawing = () => reviewing.value && editing.value !== null;
const onGround = () => judging() && groundShown.value;

export function togglePeek(): void {
  const shown = !outlineShown.peek();
  batch(() => {
    outlineShown.value = shown;
    change(polygonLayer, { shown });
  });
}

/** The other image of the same ground: the one before, or back again. */
export function toggleBefore(): void {
  const here = raster(sceneLayer.peek().id);
  if (!here) return;
  const others = (workspace.peek()?.rasters ?? [])
    .filter((one) => one.kind === "scene" && overlaps(one.bounds, here.bounds))
    .sort((a, b) => (a.date ?? "").localeCompare(b.date ?? ""));
  const at = others.findIndex(({ id }) => id === here.id);
  const next = others[(at - 1 + others.length) % others.length];
  if (!next || next.id === here.id) {
    notify("info", t("review.before.none"));
    return;
  }
  change(sceneLayer, { id: next.id, shown: true });
  notify("info", t("review.before.now", { name: next.date ? `${next.name} (${next.date})` : next.name }));
}

/** Show a part of the panel, and on the map what belongs to it. */
export function openTab(wanted: Tab): void {
  const before = groundShown.peek();
  const ground = wanted === "ground";
  batch(() => {
    tab.value = wanted;
    groundShown.value = ground;
  });
  // Without a cell the ground begins by itself, once its cells are here.
  if (ground && !before && currentCell.peek()) goToCell(currentCell.peek());
  if (!ground && before) showCurrent();
}

const toggleGround = () => openTab(groundShown.peek() ? "queue" : "ground");

export function unselect(): void {
  const id = walk.current.peek()?.id;
  select(id === undefined ? [] : [id]);
}

const action = (
  id: string, keys: readonly string[], label: Key, icon: IconName, run: () => void, when: () => boolean = judging,
  group: Key = "keys.review", short: Key = label,
): ReviewAction => ({ id, keys, label, short, icon, run, when, group });
const shortly = (one: ReviewAction, short: Key): ReviewAction => ({ ...one, short });

export const ACTIONS = {
  accept: action("accept", ["a"], "review.accept", "review", () => judge("accept")),
  reject: action("reject", ["r"], "review.reject", "close", () => judge("reject")),
  skip: action("skip", ["s"], "review.skip", "next", () => walk.skip()),
  previous: shortly(action("previous", ["p"], "review.previous", "previous", () => walk.previous()), "review.previous.short"),
  undo: action("undo", ["u", "Mod+z"], "review.undo", "undo", undo),
  redo: action("redo", ["Mod+Shift+Z", "Mod+y"], "review.redo", "redo", redo),
  reset: shortly(action("reset", ["w"], "review.reset", "undo", () => judge("reset")), "review.reset.short"),
  edit: shortly(action("edit", ["e"], "review.edit", "edit", editOutline), "review.edit.short"),
  draw: shortly(action("draw", ["d"], "review.draw", "plus", () => drawNew()), "review.draw.short"),
  freehand: shortly(action("freehand", ["Shift+D"], "review.freehand", "plus", () => drawNew(true)), "review.freehand.short"),
  split: action("split", ["x"], "review.split", "split", cut),
  merge: action("merge", ["m"], "review.merge", "merge", merge),
  type: action("type", ["t"], "review.setType", "polygon", () => (dialog.value = "type")),
  note: action("note", ["n"], "review.setNote", "edit", () => (dialog.value = "note")),
  bulk: shortly(action("bulk", ["Shift+B"], "review.bulk", "filter", () => (dialog.value = "bulk")), "review.bulk.short"),
  peek: shortly(action("peek", ["h"], "review.peek", "eye", togglePeek), "review.peek.short"),
  before: shortly(action("before", ["i"], "review.before", "swipe", toggleBefore), "review.before.short"),
  centre: shortly(action("centre", ["z"], "review.centre", "fit", showCurrent), "review.centre.short"),
  unselect: action("unselect", ["Escape"], "review.unselect", "close", unselect,
    () => judging() && selection.value.length > 1),
  ground: shortly(action("ground", ["g"], "review.ground.toggle", "grid", toggleGround, judging, "keys.ground"), "review.ground.toggle.short"),
  next: action("next", ["v"], "review.ground.next", "review", nextCellKey, judging, "keys.ground"),
  unmark: shortly(action("unmark", ["Shift+V"], "review.ground.unmark", "undo", unmark, onGround, "keys.ground"), "review.ground.unmark.short"),
  save: action("save", ["Enter"], "review.editing.save", "review", finish, drawing, "keys.drawing"),
  cancel: action("cancel", ["Escape"], "review.editing.cancel", "close", () => cancel(), drawing, "keys.drawing"),
  undoCorner: action("undoCorner", ["Mod+z", "u"], "review.editing.undo", "undo", undoCorner, drawing, "keys.drawing"),
  redoCorner: action("redoCorner", ["Mod+Shift+Z", "Mod+y"], "review.editing.redo", "redo", redoCorner, drawing,
    "keys.drawing"),
} satisfies Record<string, ReviewAction>;

function nextCellKey(): void {
  if (!groundShown.peek()) openTab("ground");
  else void markAndGoOn();
}

function unmark(): void {
  const here = currentCell.peek();
  if (here?.properties.looked_at) void setLookedAt([here], false);
}

/** Register all keys; returns what removes them. */
export function registerActions(): () => void {
  const stops = Object.values(ACTIONS).map((one) => registerShortcut(one));
  const types = LANDSLIDE_TYPES.slice(0, 10).map((type, index) =>
    registerShortcut({
      keys: [String((index + 1) % 10)],
      label: `type.${type}`,
      group: "keys.types",
      when: () => judging() && current.value !== null,
      run: (event) => annotate({ type: typeOfKey(event.key) }),
    }),
  );
  // The rail's button closes the panel and with it the review: nothing is judged unseen.
  return () => [...stops, ...types].forEach((stop) => stop());
}

export const openReview = () => (sidePanel.value = "review");
