/** Short messages at the edge of the page; read aloud by screen readers. */

import { signal } from "@preact/signals";

import { t } from "../i18n";
import { ApiError } from "./api";
import { Icon } from "./icons";

export type NoticeKind = "info" | "success" | "error";

interface Notice {
  id: number;
  kind: NoticeKind;
  text: string;
  action: { label: string; run: () => void } | null;
}

const notices = signal<readonly Notice[]>([]);
let newest = 0;

export function dismiss(id: number): void {
  notices.value = notices.value.filter((one) => one.id !== id);
}

/** Show a message. Errors stay until they are closed. Returns its id. */
export function notify(kind: NoticeKind, text: string, action: Notice["action"] = null): number {
  const id = ++newest;
  const others = notices.value.filter((one) => one.text !== text);
  notices.value = [...others.slice(-3), { id, kind, text, action }];
  if (kind !== "error") setTimeout(() => dismiss(id), action ? 9000 : 5000);
  return id;
}

/** What went wrong with a request, in one sentence. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError && error.problem.status === 0) return t("error.offline");
  return error instanceof Error ? error.message : String(error);
}

/** Show what went wrong with a request; never throws. */
export function notifyError(error: unknown): void {
  notify("error", errorText(error));
}

export function Notices() {
  return (
    <div class="notices" role="region" aria-label={t("notices")} aria-live="polite">
      {notices.value.map((one) => (
        <div key={one.id} class={`notice notice-${one.kind}`} role={one.kind === "error" ? "alert" : "status"}>
          <span>{one.text}</span>
          {one.action && (
            <button
              type="button"
              class="link"
              onClick={() => {
                one.action?.run();
                dismiss(one.id);
              }}
            >
              {one.action.label}
            </button>
          )}
          <button type="button" class="icon-button" aria-label={t("close")} onClick={() => dismiss(one.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
