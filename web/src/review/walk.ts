/** The way through the queue: what comes next, what was skipped, and back again. */

import { computed, signal } from "@preact/signals";

import type { QueueItem } from "../core/types";

/** Items fewer than this left: ask for more. */
const LOW = 20;

/** One that the queue has not ranked: it was made just now, or judged before. */
const unranked = (id: number): QueueItem => ({ id, score: 0, uncertainty: 0, size: 0, novelty: 0 });

export class QueueWalk {
  /** In the queue's order; those judged stay, so that one can go back. */
  readonly items = signal<readonly QueueItem[]>([]);
  readonly position = signal(0);
  private readonly done = signal<ReadonlySet<number>>(new Set());
  private readonly skipped = signal<ReadonlySet<number>>(new Set());

  readonly current = computed<QueueItem | null>(() => this.items.value[this.position.value] ?? null);
  /** Those that come next, without what is done or skipped. */
  readonly ahead = computed(() => this.open(this.position.value + 1));
  readonly low = computed(() => this.ahead.value.length < LOW);
  readonly skippedCount = computed(() => this.skipped.value.size);

  start(items: readonly QueueItem[]): void {
    this.items.value = items;
    this.done.value = new Set();
    this.skipped.value = new Set();
    this.position.value = 0;
  }

  /** A newer ranking: what was seen and the next few stay, the rest follows it. */
  renew(items: readonly QueueItem[], keep = 0): void {
    const before = this.items.peek().slice(0, this.position.peek() + 1);
    const kept = [...before, ...this.ahead.peek().slice(0, keep)];
    const known = new Set(kept.map(({ id }) => id));
    this.items.value = [...kept, ...items.filter(({ id }) => !known.has(id) && !this.done.peek().has(id))];
  }

  private open(from: number): readonly QueueItem[] {
    return this.items.value
      .slice(from)
      .filter(({ id }) => !this.done.value.has(id) && !this.skipped.value.has(id));
  }

  /** Go to the next one that is open; to those that were skipped when there is no other. */
  next(): void {
    const items = this.items.peek();
    const at = this.position.peek();
    let following = this.open(at + 1)[0] ?? this.open(0).find(({ id }) => id !== items[at]?.id);
    if (!following && this.skipped.peek().size > 0) {
      this.skipped.value = new Set();
      following = this.open(at + 1)[0] ?? this.open(0)[0];
    }
    this.position.value = following ? items.indexOf(following) : items.length;
  }

  previous(): void {
    this.position.value = Math.max(0, Math.min(this.position.peek(), this.items.peek().length) - 1);
  }

  skip(): void {
    const current = this.current.peek();
    if (!current) return;
    this.skipped.value = new Set([...this.skipped.peek(), current.id]);
    this.next();
  }

  /** Judged, by whomever; if it is the current one, stay: the judge goes on. */
  mark(id: number, judged: boolean): void {
    if (this.done.peek().has(id) === judged) return;
    const done = new Set(this.done.peek());
    if (judged) done.add(id);
    else done.delete(id);
    this.done.value = done;
    if (this.skipped.peek().has(id)) {
      this.skipped.value = new Set([...this.skipped.peek()].filter((one) => one !== id));
    }
  }

  isDone(id: number): boolean {
    return this.done.value.has(id);
  }

  /** Show this one, in the list or not. */
  goTo(id: number): void {
    const index = this.items.peek().findIndex((item) => item.id === id);
    if (index >= 0) {
      this.position.value = index;
      return;
    }
    const at = Math.min(this.position.peek(), this.items.peek().length);
    this.items.value = [...this.items.peek().slice(0, at), unranked(id), ...this.items.peek().slice(at)];
    this.position.value = at;
  }

  /** Put one after the current one. */
  insertNext(id: number): void {
    const items = this.items.peek();
    if (items.some((item) => item.id === id)) return;
    const at = Math.min(this.position.peek() + 1, items.length);
    this.items.value = [...items.slice(0, at), unranked(id), ...items.slice(at)];
  }

  /** Gone: merged, split or deleted. */
  remove(ids: readonly number[]): void {
    if (ids.length === 0) return;
    const gone = new Set(ids);
    const current = this.current.peek();
    const rest = this.items.peek().filter(({ id }) => !gone.has(id));
    if (rest.length === this.items.peek().length) return;
    if (current && gone.has(current.id)) {
      const following = this.open(this.position.peek()).find(({ id }) => !gone.has(id));
      this.items.value = rest;
      this.position.value = following ? rest.indexOf(following) : rest.length;
    } else {
      this.items.value = rest;
      this.position.value = current ? rest.indexOf(current) : rest.length;
    }
  }
}
