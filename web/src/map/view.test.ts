import { expect, it } from "vitest";

import { formatView, parseView } from "./view";

it("reads the view that it writes", () => {
  const view = { center: [103.500001, -31.25] as [number, number], zoom: 14.25 };
  expect(parseView(formatView(view))).toEqual(view);
});

it.each([null, "", "1,2", "a,b,c", "181,0,3", "0,91,3", "0,0,99", ",,"])("takes no view from %s", (text) => {
  expect(parseView(text)).toBeNull();
});
