import { expect, it } from "vitest";

import { keyName } from "./shortcuts";

const key = (name: string, held: Partial<Record<"ctrl" | "shift" | "alt" | "meta", boolean>> = {}) =>
  keyName({
    key: name,
    ctrlKey: held.ctrl ?? false,
    shiftKey: held.shift ?? false,
    altKey: held.alt ?? false,
    metaKey: held.meta ?? false,
  });

it.each([
  [key("a"), "a"],
  [key("A", { shift: true }), "Shift+A"],
  // Caps lock changes no shortcut.
  [key("A"), "a"],
  [key("?", { shift: true }), "?"],
  [key("z", { ctrl: true }), "Mod+z"],
  [key("Z", { meta: true, shift: true }), "Mod+Shift+Z"],
  [key("ArrowLeft", { shift: true }), "Shift+ArrowLeft"],
  [key(" "), "Space"],
])("%s is %s", (name, expected) => expect(name).toBe(expected));
