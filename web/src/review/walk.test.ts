import { describe, expect, it } from "vitest";

import { QueueWalk } from "./walk";

const item = (id: number) => ({ id, score: 1, uncertainty: 0, size: 0, novelty: 0 });
function walkOf(...ids: number[]): QueueWalk {
  const walk = new QueueWalk();
  walk.start(ids.map(item));
  return walk;
}
const at = (walk: QueueWalk) => walk.current.value?.id ?? null;
function judge(walk: QueueWalk) {
  walk.mark(walk.current.value!.id, true);
  walk.next();
}

describe("QueueWalk", () => {
  it("goes on in order and ends", () => {
    const walk = walkOf(1, 2, 3);
    const seen = [];
    for (; at(walk) !== null; judge(walk)) seen.push(at(walk));
    expect(seen).toEqual([1, 2, 3]);
  });

  it("comes back to what was skipped, in order, after the rest", () => {
    const walk = walkOf(1, 2, 3);
    walk.skip();
    judge(walk);
    judge(walk);
    expect(at(walk)).toBe(1);
    walk.skip();
    expect(at(walk)).toBe(1);
    judge(walk);
    expect(at(walk)).toBe(null);
  });

  it("leaves out what others have judged, but not the one that is shown", () => {
    const walk = walkOf(1, 2, 3);
    walk.mark(1, true);
    walk.mark(2, true);
    expect(at(walk)).toBe(1);
    walk.next();
    expect(at(walk)).toBe(3);
  });

  it("goes back to one that was judged, and on from there", () => {
    const walk = walkOf(1, 2, 3);
    judge(walk);
    judge(walk);
    walk.mark(1, false);
    walk.goTo(1);
    expect(at(walk)).toBe(1);
    judge(walk);
    expect(at(walk)).toBe(3);
  });

  it("shows a polygon that is not in the list, and returns to the list", () => {
    const walk = walkOf(1, 2);
    judge(walk);
    walk.goTo(99);
    expect(at(walk)).toBe(99);
    judge(walk);
    expect(at(walk)).toBe(2);
  });

  it("closes up when polygons are gone", () => {
    const walk = walkOf(1, 2, 3, 4);
    walk.next();
    walk.remove([1, 2]);
    expect(at(walk)).toBe(3);
    walk.remove([4]);
    expect(at(walk)).toBe(3);
    walk.renew([item(3), item(5)]);
    judge(walk);
    expect(at(walk)).toBe(5);
  });

  it("takes a newer ranking after the next few, without what is done", () => {
    const walk = walkOf(1, 2, 3, 4, 5);
    judge(walk);
    walk.renew([5, 1, 6, 4, 2].map(item), 1);
    const seen = [];
    for (; at(walk) !== null; judge(walk)) seen.push(at(walk));
    expect(seen).toEqual([2, 3, 5, 6, 4]);
  });
});
