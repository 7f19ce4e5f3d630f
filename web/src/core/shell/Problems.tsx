/** Files of the folder that could not be read: a quiet button, and a list of them. */

import { useSignal } from "@preact/signals";

import { t } from "../../i18n";
import { Dialog } from "../Dialog";
import { Icon } from "../icons";
import { workspace } from "../store";

export function Problems() {
  const open = useSignal(false);
  const problems = workspace.value?.problems ?? [];
  if (problems.length === 0) return null;
  const title = t("problems", { count: problems.length });
  return (
    <>
      <button
        type="button"
        class="icon-button problems-button"
        aria-label={title}
        title={title}
        aria-haspopup="dialog"
        onClick={() => {
          open.value = true;
        }}
      >
        <Icon name="warning" size={18} />
        <span class="number">{problems.length}</span>
      </button>
      {open.value && (
        <Dialog
          title={title}
          wide
          onClose={() => {
            open.value = false;
          }}
        >
          <ul class="problem-list">
            {problems.map((one) => (
              <li key={one.name}>
                <code>{one.name}</code>
                <span>{one.message}</span>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}
