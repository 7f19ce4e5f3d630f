/** Polygons as the server has them, kept for what is judged now and got ahead for what comes next. */

import { signal } from "@preact/signals";

import { api } from "../core/api";
import type { FeatureDetail, FeatureRow } from "../core/types";

/** Polygons kept. */
const MOST = 400;

class Details {
  private readonly kept = new Map<number, FeatureDetail>();
  private readonly coming = new Map<number, Promise<FeatureDetail>>();
  /** Counts what was put in or taken out, for what shows one of them. */
  readonly edition = signal(0);
  private inventory: string | null = null;

  /** Forget all, and be of this inventory from now on. */
  reset(inventory: string | null): void {
    this.inventory = inventory;
    this.kept.clear();
    this.coming.clear();
    this.edition.value = this.edition.peek() + 1;
  }

  /** What is kept of a polygon; read it in a computed or a component to follow it. */
  known(id: number): FeatureDetail | null {
    void this.edition.value;
    return this.kept.get(id) ?? null;
  }

  get(id: number): Promise<FeatureDetail> {
    const known = this.kept.get(id);
    if (known) return Promise.resolve(known);
    const coming = this.coming.get(id);
    if (coming) return coming;
    const { inventory } = this;
    if (inventory === null) return Promise.reject(new Error("no inventory"));
    const request = api.feature(inventory, id).then(
      (detail) => {
        // A row that changed while this one came was taken out of `coming`: that one is newer.
        if (this.coming.get(id) === request) {
          this.coming.delete(id);
          this.put(detail);
        }
        return detail;
      },
      (error: unknown) => {
        if (this.coming.get(id) === request) this.coming.delete(id);
        throw error;
      },
    );
    this.coming.set(id, request);
    return request;
  }

  /** Get these while there is nothing else to do; what cannot be got is asked for when it is needed. */
  ahead(ids: readonly number[]): void {
    for (const id of ids) this.get(id).catch(() => undefined);
  }

  /** Set what a change, made or expected, says of polygons. Outlines stay. */
  patch(rows: readonly (Partial<FeatureRow> & { id: number })[]): void {
    for (const row of rows) {
      const known = this.kept.get(row.id);
      if (known) this.kept.set(row.id, { ...known, ...row });
      else this.coming.delete(row.id);
    }
    this.edition.value = this.edition.peek() + 1;
  }

  /** Get these again; what is known of them stays until then. */
  async refresh(ids: readonly number[]): Promise<void> {
    const { inventory } = this;
    if (inventory === null) return;
    const wanted = ids.filter((id) => this.kept.has(id));
    for (const id of ids) this.coming.delete(id);
    await Promise.all(
      wanted.map(async (id) => {
        try {
          const detail = await api.feature(inventory, id);
          if (this.inventory === inventory && this.kept.has(id)) this.put(detail);
        } catch {
          if (this.inventory === inventory) this.forget([id]);
        }
      }),
    );
  }

  /** More has changed than is known: get again what is needed, when it is. */
  refreshAll(): void {
    this.forget([...this.kept.keys(), ...this.coming.keys()]);
  }

  forget(ids: readonly number[]): void {
    for (const id of ids) {
      this.kept.delete(id);
      this.coming.delete(id);
    }
    this.edition.value = this.edition.peek() + 1;
  }

  private put(detail: FeatureDetail): void {
    this.kept.delete(detail.id);
    this.kept.set(detail.id, detail);
    for (const id of this.kept.keys()) {
      if (this.kept.size <= MOST) break;
      this.kept.delete(id);
    }
    this.edition.value = this.edition.peek() + 1;
  }
}

export const details = new Details();
