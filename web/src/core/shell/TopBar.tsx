/** The bar above the map: folder, inventory, search, settings. */

import { t } from "../../i18n";
import { Icon } from "../icons";
import { chooseInventory, inventoryId, language, theme, workspace, type Theme } from "../store";
import { helpOpen } from "./HelpDialog";
import { topBarItems } from "./topBarItems";

const NEXT_THEME: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const THEME_ICON = { auto: "auto", light: "sun", dark: "moon" } as const;

export function TopBar() {
  const folder = workspace.value;
  return (
    <header class="top-bar">
      <span class="brand">
        <span class="brand-mark" aria-hidden="true" />
        <h1>landslip</h1>
      </span>
      {folder && folder.inventories.length > 0 && (
        <label class="inventory-picker">
          <span class="visually-hidden">{t("inventory")}</span>
          <select
            value={inventoryId.value ?? ""}
            onChange={(event) => chooseInventory(event.currentTarget.value)}
          >
            {folder.inventories.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="top-bar-items">
        {topBarItems.value.map(({ id, component: Item }) => (
          <Item key={id} />
        ))}
      </div>
      <div class="top-bar-settings">
        <button
          type="button"
          class="icon-button text-button"
          lang={language.value === "en" ? "zh" : "en"}
          aria-label={language.value === "en" ? "切换到中文" : "EN: Switch to English"}
          onClick={() => {
            language.value = language.value === "en" ? "zh" : "en";
          }}
        >
          {language.value === "en" ? "中文" : "EN"}
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label={`${t("theme")}: ${t(`theme.${theme.value}`)}`}
          title={`${t("theme")}: ${t(`theme.${theme.value}`)}`}
          onClick={() => {
            theme.value = NEXT_THEME[theme.value];
          }}
        >
          <Icon name={THEME_ICON[theme.value]} />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label={t("help")}
          title={`${t("help")} (?)`}
          onClick={() => {
            helpOpen.value = true;
          }}
        >
          <Icon name="help" />
        </button>
      </div>
    </header>
  );
}
