/** Which columns the table shows. */

import { useSignal } from "@preact/signals";

import { Dialog } from "../core/Dialog";
import { inventory } from "../core/store";
import { fieldLabel } from "../details/DetailCard";
import { t } from "../i18n";
import { chosenColumns, columns } from "./rows";

export function ColumnMenu() {
  const open = useSignal(false);
  const fields = (inventory.value?.fields ?? []).filter((field) => field.kind !== "id");
  const shown = new Set(columns.value.map((field) => field.name));
  return (
    <>
      <button
        type="button"
        class="button button-small"
        aria-haspopup="dialog"
        onClick={() => {
          open.value = true;
        }}
      >
        {t("table.columns")}
      </button>
      {open.value && (
        <Dialog
          title={t("table.columns")}
          onClose={() => {
            open.value = false;
          }}
          footer={
            <button
              type="button"
              class="button"
              onClick={() => {
                chosenColumns.value = [];
              }}
            >
              {t("table.columns.usual")}
            </button>
          }
        >
          <div class="column-list">
            {fields.map((field) => (
              <label class="check" key={field.name}>
                <input
                  type="checkbox"
                  checked={shown.has(field.name)}
                  disabled={shown.size === 1 && shown.has(field.name)}
                  onChange={(event) => {
                    const names = new Set(shown);
                    if (event.currentTarget.checked) names.add(field.name);
                    else names.delete(field.name);
                    chosenColumns.value = [...names];
                  }}
                />
                {fieldLabel(field)}
                {field.unit && <span class="muted">{field.unit}</span>}
              </label>
            ))}
          </div>
        </Dialog>
      )}
    </>
  );
}
