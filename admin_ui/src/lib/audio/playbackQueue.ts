/** The queue behind the loudspeaker: plays lines in order, pauses, resumes and drops them without a click, knows its place. */

/** What happened to a line, with how many of its samples had been played. */
export interface QueueEvent {
  kind: 'started' | 'drained' | 'starved' | 'paused' | 'resumed' | 'flushed'
  line: string
  samples: number
  /** Of `starved`, told when the line goes on: how many samples of silence were put out for want of its next ones. */
  gap?: number
}

interface Chunk {
  line: string
  /** Position of the first unread sample within its line. */
  at: number
  pcm: Float32Array
}

/** All in samples. */
export interface QueueShape {
  /** Buffered before a line starts, or goes on after it ran dry. */
  jitter: number
  /** After this long the buffered part is played even if it is smaller. */
  patience: number
  /** Length of every fade. */
  fade: number
}

/** How many ended lines are remembered, so that late frames of a dropped one stay dropped. */
const KEPT = 64

function remember(lines: Set<string>, line: string): void {
  lines.add(line)
  if (lines.size <= KEPT) return
  const [oldest] = lines
  if (oldest !== undefined) lines.delete(oldest)
}

export class PlaybackQueue {
  private chunks: Chunk[] = []
  private readonly finished = new Set<string>()
  private readonly dropped = new Set<string>()
  private tail: Float32Array = new Float32Array(0)
  private current: { line: string; at: number } | null = null
  private waiting = true
  private waited = 0
  private held: string | null = null
  private gain = 0
  private dry = 0
  private events: QueueEvent[] = []

  constructor(private readonly shape: QueueShape) {}

  /** Add a line's next samples; `at` is the position of the first one within the line. */
  push(line: string, at: number, pcm: Float32Array): void {
    if (pcm.length === 0 || this.dropped.has(line)) return
    this.chunks.push({ line, at, pcm })
  }

  /** No more samples of this line will come: what is buffered need not wait for more. A line that ends while it is paused does not go on. */
  finish(line: string): void {
    remember(this.finished, line)
    if (this.held === line) this.flush(line)
  }

  /** Stop after a short fade and keep what is queued. */
  pause(line: string): void {
    if (this.dropped.has(line)) return
    this.held = line
    this.note('paused', line)
  }

  /** Go on where the line was paused (null: whichever was). */
  resume(line: string | null): void {
    if (this.held === null || (line !== null && this.held !== line)) return
    this.note('resumed', this.held)
    this.held = null
  }

  /** Throw away everything of a line that has not been played (null: of all lines), with a short fade of what sounds now. */
  flush(line: string | null): void {
    const lines = line === null ? new Set([...this.chunks.map((chunk) => chunk.line), ...(this.current ? [this.current.line] : [])]) : new Set([line])
    const sounding = this.current !== null && lines.has(this.current.line)
    if (sounding) this.tail = this.fading()
    this.chunks = this.chunks.filter((chunk) => !lines.has(chunk.line))
    for (const gone of lines) {
      if (this.dropped.has(gone)) continue
      this.note('flushed', gone)
      this.drop(gone)
    }
    if (sounding) {
      this.current = null
      this.rest()
    }
  }

  /** Fill `out` with the next samples, silence where there are none. */
  pull(out: Float32Array): void {
    out.fill(0)
    const faded = Math.min(out.length, this.tail.length)
    out.set(this.tail.subarray(0, faded))
    this.tail = this.tail.slice(faded)
    let written = 0
    while (written < out.length) {
      const taken = this.take(out, written)
      if (taken === 0) break
      written += taken
    }
    if (this.current !== null && this.held !== this.current.line) this.dry += out.length - written
  }

  /** The line that sounds, or sounded last and may go on, with its position. */
  position(): { line: string; samples: number } | null {
    return this.current === null ? null : { line: this.current.line, samples: this.current.at }
  }

  /** Whether anything is queued, paused or not. */
  get busy(): boolean {
    return this.chunks.length > 0
  }

  /** What happened since the last call. */
  takeEvents(): QueueEvent[] {
    const events = this.events
    this.events = []
    return events
  }

  private take(out: Float32Array, from: number): number {
    const head = this.chunks[0]
    if (head === undefined) return 0
    const stopping = this.held === head.line
    if (stopping && this.gain <= 0) return 0
    if (this.waiting && !this.ready(head, out.length - from)) return 0
    this.enter(head)
    const count = Math.min(out.length - from, head.pcm.length)
    const step = (stopping ? -1 : 1) / this.shape.fade
    let done = 0
    for (; done < count; done++) {
      this.gain = Math.max(0, Math.min(1, this.gain + step))
      if (stopping && this.gain === 0) break
      out[from + done] = (out[from + done] ?? 0) + (head.pcm[done] ?? 0) * this.gain
    }
    this.advance(head, done)
    return done
  }

  private ready(head: Chunk, asked: number): boolean {
    this.waited += asked
    const buffered = this.chunks.reduce((sum, chunk) => sum + (chunk.line === head.line ? chunk.pcm.length : 0), 0)
    if (buffered < this.shape.jitter && this.waited < this.shape.patience && !this.finished.has(head.line)) return false
    this.waiting = false
    this.waited = 0
    return true
  }

  private enter(head: Chunk): void {
    const goesOn = this.current?.line === head.line
    if (goesOn && this.dry > 0) this.events.push({ kind: 'starved', line: head.line, samples: head.at, gap: this.dry })
    this.dry = 0
    if (goesOn) return
    this.current = { line: head.line, at: head.at }
    this.events.push({ kind: 'started', line: head.line, samples: head.at })
  }

  private advance(head: Chunk, count: number): void {
    head.at += count
    head.pcm = head.pcm.subarray(count)
    this.current = { line: head.line, at: head.at }
    if (head.pcm.length > 0) return
    this.chunks.shift()
    if (this.chunks[0]?.line === head.line) return
    this.note('drained', head.line)
    this.rest()
  }

  private rest(): void {
    this.waiting = true
    this.waited = 0
    this.gain = 0
  }

  private fading(): Float32Array {
    const out = new Float32Array(this.shape.fade)
    let written = 0
    for (const chunk of this.chunks) {
      if (chunk.line !== this.current?.line || written === out.length) break
      const part = chunk.pcm.subarray(0, out.length - written)
      out.set(part, written)
      written += part.length
    }
    for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * this.gain * (1 - (i + 1) / out.length)
    return out
  }

  private drop(line: string): void {
    remember(this.dropped, line)
    this.finished.delete(line)
    if (this.held === line) this.held = null
  }

  private note(kind: QueueEvent['kind'], line: string): void {
    this.events.push({ kind, line, samples: this.current?.line === line ? this.current.at : 0 })
  }
}
