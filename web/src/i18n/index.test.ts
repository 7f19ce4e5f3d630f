import { describe, expect, it } from "vitest";

import { language } from "../core/store";
import { dictionaries, t, tServer } from ".";

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

describe("dictionaries", () => {
  it("have every key in both languages, with the same values", () => {
    expect(Object.keys(dictionaries.zh).sort()).toEqual(Object.keys(dictionaries.en).sort());
    for (const [key, text] of Object.entries(dictionaries.en)) {
      const other = (dictionaries.zh as Record<string, string>)[key]!;
      expect(text.trim(), key).not.toBe("");
      expect(other.trim(), key).not.toBe("");
      expect(names(other), key).toEqual(names(text));
    }
  });

  it("are not left in English", () => {
    const same = Object.entries(dictionaries.en)
      .filter(([key, text]) => (dictionaries.zh as Record<string, string>)[key] === text && /[a-z]{3}/i.test(text))
      .map(([key]) => key);
    expect(same).toEqual([]);
  });
});

describe("t", () => {
  it("puts values in, and takes the singular for one", () => {
    language.value = "en";
    expect(t("polygons.count", { count: 1 })).toBe("1 polygon");
    expect(t("polygons.count", { count: 12345 })).toBe("12,345 polygons");
    language.value = "zh";
    expect(t("polygons.count", { count: 1 })).toBe("1 个图斑");
    expect(tServer("state.fresh")).toBe("新鲜滑坡");
    expect(tServer("state.of_another_kind")).toBe("of another kind");
    language.value = "en";
  });
});
