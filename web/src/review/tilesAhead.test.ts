import { expect, it } from "vitest";

import { tileAt } from "./tilesAhead";

it("numbers tiles from the north-west of the world", () => {
  expect(tileAt(0, 0, 1)).toEqual([1, 1]);
  const [x, y] = tileAt(103.5, 31.3, 14);
  expect([Math.floor(x), Math.floor(y)]).toEqual([12902, 6690]);
});
