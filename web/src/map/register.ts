/** Panels and keys of the viewer. */

import { helpOpen } from "../core/shell/HelpDialog";
import { registerShortcut } from "../core/shortcuts";

export function registerViewer(): void {
  registerShortcut({
    keys: ["?"],
    label: "help",
    group: "keys.page",
    run: () => {
      helpOpen.value = true;
    },
  });
}
