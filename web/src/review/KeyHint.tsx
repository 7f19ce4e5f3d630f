/** The key of an action, for those who have a keyboard. */

import { singleKeys } from "../core/shortcuts";

const SIGNS: Record<string, string> = { Mod: "Ctrl", Shift: "⇧", Escape: "Esc", ArrowLeft: "←", ArrowRight: "→" };

export function KeyHint({ name }: { name: string }) {
  if (!name || (!singleKeys.value && name.length === 1)) return null;
  const parts = name.split("+").map((part) => SIGNS[part] ?? part.toUpperCase());
  return (
    <kbd class="key-hint" aria-hidden="true">
      {parts.join(parts[0] === "⇧" ? "" : " ")}
    </kbd>
  );
}
