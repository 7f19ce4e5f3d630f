/** Panel, keys and layer of the accuracy sample. */

import { registerPanel, togglePanel } from "../core/shell/panels";
import { registerShortcut } from "../core/shortcuts";
import { workspace } from "../core/store";
import type { Reference } from "../core/types";
import { drawSample, far } from "./layer";
import { SamplePanel } from "./SamplePanel";
import { back, followLanguage, forward, hideAnswers, judge, point, sampling, waiting } from "./session";

export function registerSample(): void {
  registerPanel({
    id: "sample",
    label: "panel.sample",
    icon: "sample",
    component: SamplePanel,
    order: 40,
    place: "side",
    badge: () => waiting.value || null,
    available: () => workspace.value !== null,
  });
  registerShortcut({ keys: ["Alt+5"], label: "panel.sample", group: "keys.page", run: () => togglePanel("sample") });
  const keys: Record<string, Reference> = { l: "landslide", b: "background", u: "unclear" };
  for (const [key, reference] of Object.entries(keys))
    registerShortcut({
      keys: [key],
      label: `sample.${reference}`,
      group: "keys.sample",
      when: () => sampling.value && point.value !== null,
      run: () => judge(reference),
    });
  const others = [
    { keys: ["p", "Backspace"], label: "sample.back", run: back },
    { keys: ["n"], label: "sample.forward", run: forward },
    { keys: ["w"], label: "sample.takeBack", run: () => judge(null) },
    { keys: ["z"], label: "sample.far", run: () => (far.value = !far.peek()) },
    { keys: ["c"], label: "sample.comment", run: () => document.getElementById("sample-comment")?.focus() },
  ] as const;
  for (const { keys: names, label, run } of others)
    registerShortcut({ keys: names, label, group: "keys.sample", when: () => sampling.value, run: () => void run() });
  hideAnswers();
  followLanguage();
  drawSample();
}
