import { expect, test } from "vitest";

import { preferredInventory } from "./preferred";
import type { Inventory } from "./types";

const one = (id: string, kind: Inventory["kind"], changed: string, more: object = {}): Inventory =>
  ({ id, kind, changed, count: 3, review: null, ...more }) as unknown as Inventory;

test("the newest of the kind that says most is opened", () => {
  const all = [
    one("old", "inventory", "2024-01-01T00:00:00Z"),
    one("new", "inventory", "2025-01-01T00:00:00Z"),
    one("empty", "inventory", "2026-01-01T00:00:00Z", { count: 0 }),
    one("map", "extraction", "2026-01-01T00:00:00Z"),
  ];
  expect(preferredInventory(all)).toBe("new");
  expect(preferredInventory(all.slice(2))).toBe("map");
});

test("the one whose review was begun last comes before all others", () => {
  const all = [
    one("first", "extraction", "2024-01-01T00:00:00Z", { review: { created: "2024-02-01T00:00:00Z" } }),
    one("second", "polygons", "2024-01-01T00:00:00Z", { review: { created: "2024-03-01T00:00:00Z" } }),
    one("new", "inventory", "2025-01-01T00:00:00Z"),
  ];
  expect(preferredInventory(all)).toBe("second");
});

test("without polygons the first, and without inventories none", () => {
  expect(preferredInventory([one("empty", "polygons", "", { count: 0 })])).toBe("empty");
  expect(preferredInventory([])).toBe(null);
});
