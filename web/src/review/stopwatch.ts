/** How long something is looked at: not while the page is hidden, nor long after the last touch. */

/** Seconds after the last key, click or move that still count as looking. */
const PATIENCE_S = 60;

export class Stopwatch {
  private counted = 0;
  private since: number;
  private touched: number;
  private running = true;

  constructor(private readonly now: () => number = () => performance.now() / 1000) {
    this.since = this.touched = now();
  }

  start(): void {
    this.counted = 0;
    this.since = this.touched = this.now();
  }

  /** The user is there. */
  touch(): void {
    this.settle();
    this.touched = this.now();
  }

  pause(): void {
    this.settle();
    this.running = false;
  }

  resume(): void {
    this.settle();
    this.running = true;
    this.touched = this.now();
  }

  /** Seconds so far, to the millisecond. */
  seconds(): number {
    this.settle();
    return Math.round(this.counted * 1000) / 1000;
  }

  private settle(): void {
    const now = this.now();
    if (this.running) this.counted += Math.max(0, Math.min(now, this.touched + PATIENCE_S) - this.since);
    this.since = now;
  }
}
