import { describe, expect, it } from "vitest";

import { ApiError } from "../core/api";
import type { Change, ChangeRequest, ChangeResult, FeatureRow, Problem } from "../core/types";
import { Outbox, type Entry, type ReviewServer } from "./outbox";

/** A review in memory that keeps versions as the server does. */
class FakeServer implements ReviewServer {
  readonly log: Change[] = [];
  readonly versions = new Map<number, number>();
  /** Faults of the next requests: lost before or after the server has acted. */
  faults: ("before" | "after")[] = [];
  asked = 0;

  private result(ids: readonly number[], action: Change["action"], author: string, request?: ChangeRequest) {
    for (const id of ids) this.versions.set(id, (this.versions.get(id) ?? 0) + 1);
    const change = {
      seq: this.log.length + 1, time: "", author, action, polygon_ids: [...ids], count: ids.length, type: null,
      note: request?.note ?? null, reason: null, seconds: request?.seconds ?? null, of: null, bulk: null,
      active: true,
    };
    this.log.push(change);
    return this.since([change], ids);
  }

  private since(changes: Change[], ids: readonly number[]): ChangeResult {
    const polygons = ids.map((id) => ({ id, version: this.versions.get(id) }) as FeatureRow);
    return { revision: this.log.length, changes, polygons, removed: [], truncated: false };
  }

  private async faulty<T>(act: () => T): Promise<T> {
    this.asked++;
    const fault = this.faults.shift();
    const offline = new ApiError({ type: "", title: "offline", status: 0, detail: "" });
    if (fault === "before") throw offline;
    const answer = act();
    if (fault === "after") throw offline;
    return answer;
  }

  change(_: string, request: ChangeRequest) {
    return this.faulty(() => {
      const stale = request.polygons.filter(({ id, version }) => (this.versions.get(id) ?? 0) !== version);
      if (stale.length) throw new ApiError({ type: "", title: "", status: 409, detail: "changed" });
      return this.result(request.polygons.map(({ id }) => id), request.action, request.author, request);
    });
  }

  undo(_: string, author: string) {
    return this.faulty(() => this.result(this.log.at(-1)!.polygon_ids, "undo", author));
  }

  redo(_: string, author: string) {
    return this.faulty(() => this.result(this.log.at(-1)!.polygon_ids, "redo", author));
  }

  async changes(_: string, since: number) {
    const changes = this.log.slice(since);
    return this.since(changes, changes.flatMap((change) => change.polygon_ids));
  }
}

function outboxOf(server: FakeServer) {
  const accepted: Entry[] = [];
  const refused: [Entry, Problem][] = [];
  let stored: readonly Entry[] = [];
  let newest = 0;
  const outbox = new Outbox(
    server,
    {
      revision: () => newest,
      accepted: (entry, result) => {
        newest = result.revision;
        accepted.push(entry);
      },
      refused: (entry, problem) => refused.push([entry, problem]),
      stored: (entries) => (stored = entries),
    },
    () => Promise.resolve(),
  );
  return { outbox, accepted, refused, stored: () => stored };
}

const accept = (id: number, version: number, seconds = 1): Entry => ({
  inventory: "a",
  sentAt: null,
  step: { kind: "change", request: { action: "accept", author: "Ada", polygons: [{ id, version }], seconds } },
});
const undo: Entry = { inventory: "a", sentAt: null, step: { kind: "undo", author: "Ada" } };

describe("Outbox", () => {
  it("sends in order and gives later changes of a polygon the version that came of the earlier", async () => {
    const server = new FakeServer();
    const { outbox, refused } = outboxOf(server);
    outbox.add(accept(7, 0));
    outbox.add({ ...undo });
    outbox.add(accept(7, 0, 2));
    outbox.add(accept(8, 0));
    await outbox.emptied();
    expect(refused).toEqual([]);
    expect(server.log.map(({ action }) => action)).toEqual(["accept", "undo", "accept", "accept"]);
    expect(server.versions.get(7)).toBe(3);
  });

  it("keeps what was not sent, and sends it when the server answers again", async () => {
    const server = new FakeServer();
    server.faults = ["before", "before"];
    const { outbox, accepted, stored } = outboxOf(server);
    outbox.add(accept(1, 0));
    outbox.add(accept(2, 0));
    expect(stored().length).toBe(2);
    await outbox.emptied();
    expect(accepted.length).toBe(2);
    expect(stored()).toEqual([]);
    expect(outbox.offline.value).toBe(false);
  });

  it("makes a change once whose answer was lost", async () => {
    const server = new FakeServer();
    server.faults = ["after"];
    const { outbox, accepted, refused } = outboxOf(server);
    outbox.add(accept(1, 0));
    await outbox.emptied();
    expect([accepted.length, refused.length, server.log.length]).toEqual([1, 0, 1]);
  });

  it("undoes once whose answer was lost, though an undo was made before", async () => {
    const server = new FakeServer();
    const { outbox, accepted } = outboxOf(server);
    outbox.add(accept(1, 0));
    outbox.add({ ...undo });
    await outbox.emptied();
    server.faults = ["after"];
    outbox.add({ ...undo });
    await outbox.emptied();
    server.faults = ["before"];
    outbox.add({ ...undo });
    await outbox.emptied();
    expect([accepted.length, server.log.length]).toEqual([4, 4]);
  });

  it("hands back what is refused and goes on with the rest", async () => {
    const server = new FakeServer();
    server.versions.set(1, 5);
    const { outbox, accepted, refused } = outboxOf(server);
    outbox.add(accept(1, 4));
    outbox.add(accept(2, 0));
    await outbox.emptied();
    expect(refused.map(([, problem]) => problem.status)).toEqual([409]);
    expect(accepted.length).toBe(1);
  });
});
