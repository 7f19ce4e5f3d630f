/** Changes on their way to the server, one after another, in the order they were made. The page shows
 * each at once; what the server refuses is handed back, what it cannot be asked for now waits. */

import { signal } from "@preact/signals";

import { ApiError } from "../core/api";
import type { Change, ChangeRequest, ChangeResult, Problem } from "../core/types";

export type Step =
  | { kind: "change"; request: ChangeRequest }
  | { kind: "undo"; author: string }
  | { kind: "redo"; author: string };

export interface Entry {
  inventory: string;
  step: Step;
  /** Number of the newest change known when it was first sent; null: not sent yet. */
  sentAt: number | null;
}

/** What the server is asked; `api` is one. */
export interface ReviewServer {
  change(inventory: string, request: ChangeRequest): Promise<ChangeResult>;
  undo(inventory: string, author: string): Promise<ChangeResult>;
  redo(inventory: string, author: string): Promise<ChangeResult>;
  changes(inventory: string, since: number): Promise<ChangeResult>;
}

export interface OutboxListener {
  /** Number of the newest change that the page knows of. */
  revision(): number;
  accepted(entry: Entry, result: ChangeResult): void;
  /** Refused for good: what it showed has to be taken back. */
  refused(entry: Entry, problem: Problem): void;
  /** What waits has changed. */
  stored(entries: readonly Entry[]): void;
}

const LONGEST_WAIT_MS = 15_000;
/** Statuses after which the same request may succeed later. */
const PASSING = new Set([0, 429, 502, 503, 504]);

export class Outbox {
  readonly waiting = signal<readonly Entry[]>([]);
  /** Whether the server did not answer the last time. */
  readonly offline = signal(false);
  private sending: Promise<void> | null = null;
  private wake: (() => void) | null = null;

  constructor(
    private readonly server: ReviewServer,
    private readonly listener: OutboxListener,
    private readonly wait = (ms: number, wake: (resolve: () => void) => void) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  ) {}

  add(entry: Entry): void {
    this.keep([...this.waiting.peek(), entry]);
    this.sending ??= this.send().finally(() => {
      this.sending = null;
    });
  }

  /** Resolves when nothing waits any more. */
  async emptied(): Promise<void> {
    while (this.sending) await this.sending;
  }

  /** Ask again now, not when the wait is over. */
  retry(): void {
    this.wake?.();
  }

  private keep(entries: readonly Entry[]): void {
    this.waiting.value = entries;
    this.listener.stored(entries);
  }

  private async send(): Promise<void> {
    let failures = 0;
    for (let entry = this.waiting.peek()[0]; entry; entry = this.waiting.peek()[0]) {
      try {
        const result = await this.deliver(entry);
        failures = 0;
        this.offline.value = false;
        this.keep(rebased(this.waiting.peek().slice(1), entry, result));
        this.listener.accepted(entry, result);
      } catch (error) {
        const problem = problemOf(error);
        if (PASSING.has(problem.status)) {
          this.offline.value = true;
          await this.wait(Math.min(1000 * 2 ** failures++, LONGEST_WAIT_MS), (wake) => (this.wake = wake));
          this.wake = null;
          continue;
        }
        this.offline.value = false;
        this.keep(this.waiting.peek().slice(1));
        this.listener.refused(entry, problem);
      }
    }
  }

  /** Send, or find that the server has it from an earlier try whose answer was lost. */
  private async deliver(entry: Entry): Promise<ChangeResult> {
    const { inventory, step } = entry;
    if (entry.sentAt !== null) {
      const since = await this.server.changes(inventory, entry.sentAt);
      const known = since.changes.find((change) => isOf(change, step));
      if (known) return { ...since, changes: [known] };
    } else {
      entry.sentAt = this.listener.revision();
    }
    if (step.kind === "change") return this.server.change(inventory, step.request);
    return this.server[step.kind](inventory, step.author);
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  return { type: "about:blank", title: "error", status: -1, detail: String(error) };
}

/** Whether a change of the log is what the step asked for. */
function isOf(change: Change, step: Step): boolean {
  if (step.kind !== "change") return change.action === step.kind && change.author === step.author;
  const { request } = step;
  const ids = request.polygons.map(({ id }) => id);
  return (
    change.action === request.action &&
    change.author === request.author &&
    change.seconds === (request.seconds ?? null) &&
    (request.note === undefined || change.note === request.note) &&
    ids.every((id) => change.polygon_ids.includes(id))
  );
}

/** Entries after one that was accepted: what was made on its polygons was made on its result. */
function rebased(entries: readonly Entry[], sent: Entry, result: ChangeResult): readonly Entry[] {
  const now = new Map(result.polygons.map(({ id, version }) => [id, version]));
  return entries.map((entry) => {
    if (entry.step.kind !== "change" || entry.inventory !== sent.inventory) return entry;
    const { request } = entry.step;
    const polygons = request.polygons.map(({ id, version }) =>
      now.get(id) === version + 1 ? { id, version: version + 1 } : { id, version },
    );
    return { ...entry, step: { ...entry.step, request: { ...request, polygons } } };
  });
}
