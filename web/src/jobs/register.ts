/** Panel of the jobs. */

import { registerPanel, togglePanel } from "../core/shell/panels";
import { registerShortcut } from "../core/shortcuts";
import { workspace } from "../core/store";
import { JobsPanel } from "./JobsPanel";
import { active, followJobs } from "./state";

export function registerJobs(): void {
  registerPanel({
    id: "jobs",
    label: "panel.jobs",
    icon: "jobs",
    component: JobsPanel,
    order: 50,
    place: "side",
    badge: () => active.value.length || null,
    available: () => workspace.value !== null,
  });
  registerShortcut({ keys: ["Alt+6"], label: "panel.jobs", group: "keys.page", run: () => togglePanel("jobs") });
  followJobs();
}
