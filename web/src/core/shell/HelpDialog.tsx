/** All keyboard shortcuts. */

import { signal } from "@preact/signals";

import { t, type Key } from "../../i18n";
import { Dialog } from "../Dialog";
import { shortcuts, singleKeys, type Shortcut } from "../shortcuts";

export const helpOpen = signal(false);

export function HelpDialog() {
  if (!helpOpen.value) return null;
  const groups = new Map<Key, Shortcut[]>();
  for (const one of shortcuts.value) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return (
    <Dialog
      title={t("help")}
      wide
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <label class="check">
        <input
          type="checkbox"
          checked={singleKeys.value}
          onChange={(event) => {
            singleKeys.value = event.currentTarget.checked;
          }}
        />
        {t("help.singleKeys")}
      </label>
      <div class="shortcut-groups">
        {[...groups].map(([group, members]) => (
          <section key={group}>
            <h3>{t(group)}</h3>
            <dl class="shortcut-list">
              {members.map((one) => (
                <div key={one.label}>
                  <dt>
                    {one.keys.map((key) => (
                      <KeyCombination key={key} name={key} />
                    ))}
                  </dt>
                  <dd>{t(one.label)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

const SIGNS: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Mod: /Mac|iP(hone|ad)/.test(typeof navigator === "undefined" ? "" : navigator.userAgent) ? "⌘" : "Ctrl",
};

function KeyCombination({ name }: { name: string }) {
  const parts = name === "+" ? ["+"] : name.split("+");
  return (
    <span class="keys">
      {parts.map((part) => (
        <kbd key={part}>{SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part)}</kbd>
      ))}
    </span>
  );
}
