/** The page's side of the loudspeaker: feeds the worklet and tells where the play head is. */
import { BehaviorSubject, Subject } from 'rxjs'

import { audioContext } from '@/lib/audio/context'
import type { PlayerCommand, PlayerReport } from '@/lib/audio/messages'
import { samplesToMs } from '@/lib/audio/pcm'

/** Where a line stands; `ms` counts from the line's first sample. */
export interface Playhead {
  line: string
  ms: number
}

/** Something that happened at the loudspeaker. */
export interface PlaybackEvent extends Playhead {
  kind: 'started' | 'drained' | 'starved' | 'paused' | 'resumed' | 'flushed'
  /** Of `starved`: how long the line had no next sample, in ms; else 0. */
  gap: number
}

/** One report of the worklet in page time. */
export interface Sounding {
  level: number
  /** `performance.now()` of the last block that was not silent; 0 = none yet. */
  soundedAt: number
  line: string
}

export class Player {
  /** The line that sounds or sounded last. */
  readonly playhead$ = new BehaviorSubject<Playhead | null>(null)
  /** Whether sound is coming out, or is queued. */
  readonly busy$ = new BehaviorSubject(false)
  readonly events$ = new Subject<PlaybackEvent>()
  readonly sounding$ = new Subject<Sounding>()
  private node: AudioWorkletNode | null = null
  private closed = false
  private waiting: PlayerCommand[] = []

  /** Connect to the loudspeaker. Commands given before are kept and obeyed then. */
  async open(): Promise<void> {
    const context = await audioContext()
    if (this.closed) return
    this.node = new AudioWorkletNode(context, 'souffleur-playback', { numberOfInputs: 0, outputChannelCount: [1] })
    this.node.port.onmessage = (message: MessageEvent<PlayerReport>) => this.take(message.data)
    this.node.connect(context.destination)
    for (const command of this.waiting) this.tell(command)
    this.waiting = []
  }

  /** Queue PCM16 of a line; `at` is its first sample's position within the line. The buffer is given away. */
  push(line: string, at: number, pcm: ArrayBuffer): void {
    this.tell({ type: 'push', line, at, pcm })
  }

  finish(line: string): void {
    this.tell({ type: 'finish', line })
  }

  pause(line: string): void {
    this.tell({ type: 'pause', line })
  }

  /** A line, or whichever is paused. */
  resume(line: string | null): void {
    this.tell({ type: 'resume', line })
  }

  /** Drop what has not been played of a line, or of all. */
  flush(line: string | null): void {
    this.tell({ type: 'flush', line })
  }

  close(): void {
    this.closed = true
    this.node?.port.close()
    this.node?.disconnect()
    this.node = null
  }

  private tell(command: PlayerCommand): void {
    if (this.closed) return
    if (this.node === null) this.waiting.push(command)
    else this.node.port.postMessage(command, command.type === 'push' ? [command.pcm] : [])
  }

  private take(report: PlayerReport): void {
    const skew = Date.now() - performance.now()
    const line = report.position?.line ?? ''
    this.sounding$.next({ level: report.level, soundedAt: report.soundedAt === 0 ? 0 : report.soundedAt - skew, line })
    if (this.busy$.value !== report.busy) this.busy$.next(report.busy)
    this.playhead$.next(report.position === null ? null : { line, ms: samplesToMs(report.position.samples) })
    for (const event of report.events) this.events$.next({ kind: event.kind, line: event.line, ms: samplesToMs(event.samples), gap: samplesToMs(event.gap ?? 0) })
  }
}
