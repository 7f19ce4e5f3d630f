/** Language and colours of the document follow the settings. */

import { computed, effect, signal } from "@preact/signals";

import { t } from "../i18n";
import { language, theme, workspace } from "./store";

const darkPreferred = signal(false);

/** Whether the page is dark now. */
export const isDark = computed(() => (theme.value === "auto" ? darkPreferred.value : theme.value === "dark"));

export function followAppearance(): void {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  darkPreferred.value = query.matches;
  query.addEventListener("change", () => {
    darkPreferred.value = query.matches;
  });
  effect(() => {
    const root = document.documentElement;
    root.lang = language.value === "zh" ? "zh-CN" : "en";
    root.dataset["theme"] = isDark.value ? "dark" : "light";
    const folder = workspace.value?.name;
    document.title = folder ? `${folder} · landslip` : t("title");
  });
}
