/** Dialogs of the review, one at a time. */

import { useState } from "preact/hooks";

import { Dialog } from "../core/Dialog";
import { formatTime } from "../core/format";
import { author, select } from "../core/store";
import { t } from "../i18n";
import { BulkDialog } from "./BulkDialog";
import { judgeAllIn, judgeFirstIn, unjudgedCell } from "./coverage";
import { askingToLeave, leave } from "./editing";
import { KeyHint } from "./KeyHint";
import { isKnownType, LANDSLIDE_TYPES } from "./landslideTypes";
import { actionName, typeName } from "./names";
import { dropRecovered, recovered, sendRecovered } from "./recovery";
import { annotate, askingName, current, walk } from "./session";
import { applyAgain, drop, refusals } from "./submit";
import { dialog } from "./tabs";

const close = () => (dialog.value = null);

export function ReviewDialogs() {
  if (askingName.value) return <NameDialog />;
  if (askingToLeave.value) return <LeaveDialog />;
  if (refusals.value.length > 0) return <ConflictDialog />;
  if (recovered.value.length > 0) return <RecoverDialog />;
  if (unjudgedCell.value) return <UnjudgedDialog />;
  if (dialog.value === "type") return <TypeDialog />;
  if (dialog.value === "note") return <NoteDialog />;
  if (dialog.value === "bulk") return <BulkDialog onClose={close} />;
  return null;
}

function NameDialog() {
  const [name, setName] = useState(author.peek());
  const then = askingName.value;
  const save = (event: Event) => {
    event.preventDefault();
    const trimmed = name.trim();
    if (!trimmed) return;
    author.value = trimmed;
    askingName.value = null;
    then?.();
  };
  return (
    <Dialog title={t("review.name.title")} onClose={() => (askingName.value = null)}>
      <form class="review-form" onSubmit={save}>
        <p>{t("review.name.why")}</p>
        <label class="field">
          <span>{t("review.name")}</span>
          <input
            type="text"
            value={name}
            maxLength={100}
            autoComplete="name"
            autoFocus
            required
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <div class="button-row">
          <button type="submit" class="button button-primary">
            {t("review.name.save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function LeaveDialog() {
  const then = askingToLeave.value;
  const stay = () => (askingToLeave.value = null);
  return (
    <Dialog
      title={t("review.leave.title")}
      onClose={stay}
      footer={
        <>
          <button type="button" class="button" autoFocus onClick={stay}>
            {t("review.leave.stay")}
          </button>
          <button
            type="button"
            class="button button-danger"
            onClick={() => {
              leave();
              then?.();
            }}
          >
            {t("review.leave.drop")}
          </button>
        </>
      }
    >
      <p>{t("review.leave.text")}</p>
    </Dialog>
  );
}

function ConflictDialog() {
  const [refusal, ...more] = refusals.value;
  if (!refusal) return null;
  const gone = refusal.conflicts.some(({ verdict }) => verdict === "removed");
  const show = (id: number) => {
    walk.goTo(id);
    select([id]);
  };
  return (
    <Dialog
      title={t("review.conflict.title")}
      onClose={() => drop(refusal)}
      footer={
        <>
          <button type="button" class="button" autoFocus onClick={() => drop(refusal)}>
            {t("review.conflict.theirs")}
          </button>
          {!gone && (
            <button type="button" class="button button-primary" onClick={() => void applyAgain(refusal)}>
              {t("review.conflict.again")}
            </button>
          )}
        </>
      }
    >
      <ul class="conflicts">
        {refusal.conflicts.map((conflict) => (
          <li key={conflict.id}>
            <p>
              {t("review.conflict.text", {
                id: String(conflict.id),
                author: conflict.author || "–",
                time: formatTime(conflict.time),
              })}
            </p>
            <p>
              {conflict.verdict === "removed" ? (
                t("review.conflict.removed")
              ) : (
                <>
                  <span class="dot" data-verdict={conflict.verdict} aria-hidden="true" />{" "}
                  {t("review.conflict.now", { verdict: t(`verdict.${conflict.verdict}`) })}{" "}
                  <button type="button" class="link" onClick={() => show(conflict.id)}>
                    {t("review.conflict.show")}
                  </button>
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
      <p class="muted">{t("review.conflict.mine", { action: actionName(refusal.request.action) })}</p>
      {more.length > 0 && <p class="muted">{t("review.conflict.more", { count: more.length })}</p>}
    </Dialog>
  );
}

function RecoverDialog() {
  const count = recovered.value.length;
  return (
    <Dialog
      title={t("review.recover.title")}
      onClose={() => undefined}
      footer={
        <>
          <button type="button" class="button button-danger" onClick={dropRecovered}>
            {t("review.recover.drop")}
          </button>
          <button type="button" class="button button-primary" autoFocus onClick={sendRecovered}>
            {t("review.recover.send")}
          </button>
        </>
      }
    >
      <p>{t("review.recover.text", { count })}</p>
    </Dialog>
  );
}

function UnjudgedDialog() {
  const here = unjudgedCell.value;
  if (!here) return null;
  const count = here.properties.unreviewed;
  return (
    <Dialog title={t("review.unjudged.title")} onClose={() => (unjudgedCell.value = null)}>
      <p>{t("review.unjudged.text", { count })}</p>
      <div class="button-row button-column">
        <button type="button" class="button button-primary" autoFocus onClick={() => void judgeFirstIn(here)}>
          {t("review.unjudged.judge")}
        </button>
        <button type="button" class="button" onClick={() => void judgeAllIn(here, "accept")}>
          {t("review.unjudged.accept", { count })}
        </button>
        <button type="button" class="button" onClick={() => void judgeAllIn(here, "reject")}>
          {t("review.unjudged.reject", { count })}
        </button>
      </div>
    </Dialog>
  );
}

function TypeDialog() {
  const known = current.peek()?.type ?? null;
  const [own, setOwn] = useState(known && !isKnownType(known) ? known : "");
  const set = (type: string | null) => {
    annotate({ type });
    close();
  };
  return (
    <Dialog title={t("review.types.title")} onClose={close}>
      <div
        class="type-list"
        onKeyDown={(event) => {
          if ((event.target as Element).tagName === "INPUT" || !/^[0-9]$/.test(event.key)) return;
          event.preventDefault();
          set(LANDSLIDE_TYPES[event.key === "0" ? 9 : Number(event.key) - 1] ?? null);
        }}
      >
        {LANDSLIDE_TYPES.map((type, index) => (
          <button
            key={type}
            type="button"
            class="button type-button"
            aria-pressed={type === known}
            autoFocus={type === known || (known === null && index === 0)}
            onClick={() => set(type)}
          >
            {index < 10 ? <KeyHint name={String((index + 1) % 10)} /> : <span class="key-space" />}
            {typeName(type)}
          </button>
        ))}
        <button type="button" class="button type-button" disabled={known === null} onClick={() => set(null)}>
          <span class="key-space" />
          {t("review.types.clear")}
        </button>
        <form
          class="type-own"
          onSubmit={(event) => {
            event.preventDefault();
            if (own.trim()) set(own.trim());
          }}
        >
          <label class="field">
            <span>{t("review.types.own")}</span>
            <input type="text" value={own} maxLength={100} onInput={(event) => setOwn(event.currentTarget.value)} />
          </label>
          <button type="submit" class="button" disabled={!own.trim()}>
            {t("review.types.save")}
          </button>
        </form>
      </div>
      <p class="muted">{t("review.types.source")}</p>
    </Dialog>
  );
}

function NoteDialog() {
  const [note, setNote] = useState(current.peek()?.note ?? "");
  const save = (event?: Event) => {
    event?.preventDefault();
    annotate({ note: note.trim() });
    close();
  };
  return (
    <Dialog title={t("review.note.title", { id: String(current.peek()?.id ?? "") })} onClose={close}>
      <form class="review-form" onSubmit={save}>
        <label class="field">
          <span>{t("review.note")}</span>
          <textarea
            rows={4}
            maxLength={2000}
            autoFocus
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
            }}
          />
        </label>
        <div class="button-row">
          <button type="submit" class="button button-primary">
            {t("review.note.save")}
            <KeyHint name="Mod+Enter" />
          </button>
        </div>
      </form>
    </Dialog>
  );
}
