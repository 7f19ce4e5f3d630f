/** Panel, keys and layers of the review. */

import { effect } from "@preact/signals";

import { registerPanel, sidePanel, togglePanel } from "../core/shell/panels";
import { registerShortcut } from "../core/shortcuts";
import { inventory, inventoryId } from "../core/store";
import { registerActions } from "./actions";
import { followCoverage } from "./coverage";
import { cancel, editing, unsavedOutline } from "./editing";
import { drawReview } from "./layers";
import { followRecovery } from "./recovery";
import { ReviewPanel } from "./ReviewPanel";
import { followSession, reviewing, summary, watch } from "./session";
import { outbox, resetSteps } from "./submit";
import { followOthers } from "./sync";
import { fetchTilesAhead } from "./tilesAhead";
import { followView } from "./view";

export function registerReview(): void {
  registerPanel({
    id: "review",
    label: "panel.review",
    icon: "review",
    component: ReviewPanel,
    order: 30,
    place: "side",
    badge: () => outbox.waiting.value.length || (reviewing.value ? null : (summary.value?.counts.unreviewed ?? null)),
    available: () => inventory.value !== null,
  });
  registerShortcut({ keys: ["Alt+4"], label: "panel.review", group: "keys.page", run: () => togglePanel("review") });
  registerActions();
  effect(() => {
    void inventoryId.value;
    resetSteps();
  });
  followSession();
  followRecovery();
  followCoverage();
  followView();
  followOthers();
  fetchTilesAhead();
  drawReview();
  guardOutline();
  countAttention();
}

/** Nothing is lost by leaving: the page asks before it is closed, and the panel before it is. */
function guardOutline(): void {
  window.addEventListener("beforeunload", (event) => {
    if (unsavedOutline.peek() || outbox.waiting.peek().length > 0) event.preventDefault();
  });
  let inventoryBefore = inventoryId.peek();
  effect(() => {
    const [panel, chosen] = [sidePanel.value, inventoryId.value];
    const left = panel !== "review" || chosen !== inventoryBefore;
    inventoryBefore = chosen;
    if (!left || !editing.peek()) return;
    if (!unsavedOutline.peek()) return cancel();
    // The polygon is of the other inventory: there is nothing to go back to.
    if (panel !== "review") {
      sidePanel.value = "review";
      cancel(() => (sidePanel.value = panel));
    } else cancel();
  });
}

/** How long a polygon is looked at is counted while the page is seen and used. */
function countAttention(): void {
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "touchstart"] as const)
    window.addEventListener(name, () => watch.touch(), { passive: true });
  document.addEventListener("visibilitychange", () =>
    document.visibilityState === "visible" ? watch.resume() : watch.pause(),
  );
}
