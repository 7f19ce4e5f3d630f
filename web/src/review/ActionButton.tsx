/** A button of an action, with its key. */

import { Icon } from "../core/icons";
import { KeyHint } from "./KeyHint";
import { t } from "../i18n";
import type { ReviewAction } from "./actions";

interface ActionButtonProperties {
  action: ReviewAction;
  /** `judge`: large, for the three that are used all the time. */
  kind?: "judge" | "tool";
  pressed?: boolean;
  disabled?: boolean;
}

export function ActionButton({ action, kind = "tool", pressed, disabled = false }: ActionButtonProperties) {
  return (
    <button
      type="button"
      class={kind === "judge" ? `judge-button judge-${action.id}` : "button button-small tool-button"}
      aria-keyshortcuts={action.keys[0]?.replace("Mod", "Control")}
      aria-pressed={pressed}
      disabled={disabled}
      title={action.short === action.label ? undefined : t(action.label)}
      onClick={(event) => {
        action.run();
        // Keys stay with the map: Space and Enter do not press the button again.
        if (event.detail > 0) event.currentTarget.blur();
      }}
    >
      <Icon name={action.icon} size={kind === "judge" ? 22 : 16} />
      <span>{t(action.short)}</span>
      <KeyHint name={action.keys[0] ?? ""} />
    </button>
  );
}
