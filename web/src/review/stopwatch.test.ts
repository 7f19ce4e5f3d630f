import { expect, it } from "vitest";

import { Stopwatch } from "./stopwatch";

it("counts looking, not absence", () => {
  let now = 0;
  const watch = new Stopwatch(() => now);
  now = 5;
  watch.touch();
  watch.pause();
  now = 500;
  watch.resume();
  now = 502;
  expect(watch.seconds()).toBe(7);
  now = 5000;
  expect(watch.seconds()).toBe(65);
  watch.start();
  expect(watch.seconds()).toBe(0);
});
