/** The last N of a stream. */

export class Ring<T> {
  private items: T[] = []

  constructor(private readonly size: number) {}

  push(item: T): void {
    this.items.push(item)
    if (this.items.length > this.size * 2) this.items = this.items.slice(-this.size)
  }

  /** Oldest first. */
  all(): T[] {
    return this.items.slice(-this.size)
  }
}
