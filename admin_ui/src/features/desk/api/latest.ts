/** A value that is changed faster than it can be told: one request at a time, and of those that wait only the newest. */
export class Latest<T> {
  private told: { value: T } | null = null
  private waiting: { value: T } | null = null
  private draining: Promise<void> | null = null

  constructor(private readonly tell: (value: T) => Promise<unknown>) {}

  /** Settles once nothing waits any more. A failure is `tell`'s own to show. */
  put(value: T): Promise<void> {
    this.waiting = this.told?.value === value ? null : { value }
    this.draining ??= this.drain()
    return this.draining
  }

  private async drain(): Promise<void> {
    while (this.waiting !== null) {
      this.told = this.waiting
      this.waiting = null
      await this.tell(this.told.value).catch(() => undefined)
    }
    this.told = null
    this.draining = null
  }
}
