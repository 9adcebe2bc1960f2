/** Events in their order, where a commit goes out later than it was given: whatever comes behind it waits with it. */
import type { ClientEvent } from '@/lib/realtime/protocol'

/** Sound is on its way longer than an event: what was just said must not be cut off by the end of the press. */
export const COMMIT_AFTER_MS = 150

export class CommitTail {
  private waiting: { event: ClientEvent; dueAt: number }[] = []
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly pass: (event: ClientEvent) => void) {}

  send(event: ClientEvent): void {
    this.waiting.push({ event, dueAt: event.type === 'input_audio_buffer.commit' ? performance.now() + COMMIT_AFTER_MS : 0 })
    if (this.timer === undefined) this.drain()
  }

  close(): void {
    clearTimeout(this.timer)
    this.waiting = []
  }

  private drain(): void {
    this.timer = undefined
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      const early = next.dueAt - performance.now()
      if (early > 0) {
        this.timer = setTimeout(() => this.drain(), early)
        return
      }
      this.waiting.shift()
      this.pass(next.event)
    }
  }
}
