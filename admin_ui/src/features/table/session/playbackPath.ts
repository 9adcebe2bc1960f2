/** From the socket to the loudspeaker: places frames within their line, obeys pause and flush, reports what was played. */
import { BehaviorSubject, Subscription } from 'rxjs'

import { msToSamples } from '@/lib/audio/pcm'
import { Player } from '@/lib/audio/player'
import { type ClientEvent, lineOf, type ServerEvent } from '@/lib/realtime/protocol'
import { placeAt, samePlace, type SoundMap, type SpokenPlace, UNCHARTED } from '@/lib/transcript/soundMap'

import type { Probe } from './probe'

const REPORT_EVERY_MS = 100
/** Maps of this many lines are kept; only the sounding one is ever looked at. */
const MAPS_KEPT = 8

export class PlaybackPath {
  readonly player = new Player()
  /** The word that is being said; null while nothing sounds. */
  readonly spoken$ = new BehaviorSubject<SpokenPlace | null>(null)
  private readonly maps = new Map<string, SoundMap>()
  private place: { line: string; at: number } | null = null
  private reported = { line: '', ms: -1, at: 0 }
  private readonly watching = new Subscription()

  constructor(
    private readonly send: (event: ClientEvent) => boolean,
    private readonly probe: Probe,
    private readonly onSound: (nowMs: number) => void,
  ) {
    this.watching.add(this.player.sounding$.subscribe((report) => this.sounding(report)))
    this.watching.add(
      this.player.events$.subscribe((event) => {
        probe.marks.push({ at: performance.now(), kind: event.kind, line: event.line, ms: event.ms, gap: event.gap })
        if (event.kind === 'paused' || event.kind === 'drained' || event.kind === 'flushed') this.report(event.line, event.ms, true)
      }),
    )
    this.watching.add(
      this.player.playhead$.subscribe((head) => {
        if (head !== null && this.player.busy$.value) this.report(head.line, head.ms, false)
        const spoken = head === null ? null : placeAt(this.maps.get(head.line) ?? UNCHARTED, head.line, head.ms)
        if (!samePlace(spoken, this.spoken$.value)) this.spoken$.next(spoken)
      }),
    )
  }

  /** Frames that follow belong where the last `souffleur.audio` said. */
  audio(pcm: ArrayBuffer): void {
    this.probe.count('framesReceived')
    this.probe.count('bytesReceived', pcm.byteLength)
    if (this.place === null || pcm.byteLength % 2 !== 0) return
    const { line, at } = this.place
    this.place = { line, at: at + pcm.byteLength / 2 }
    this.player.push(line, at, pcm)
  }

  take(event: ServerEvent): void {
    switch (event.type) {
      case 'souffleur.attached':
        // Who paused it, and whether it went on, was told to the connection before.
        this.player.resume(null)
        break
      case 'souffleur.audio':
        this.place = { line: event.line_id, at: msToSamples(event.offset_ms) }
        this.chart(event.line_id, (map) => ({ ...map, sentences: new Map(map.sentences).set(event.seq, event.offset_ms) }))
        break
      case 'souffleur.words':
        this.chart(event.line_id, (map) => ({ ...map, words: new Map(map.words).set(event.seq, [...(map.words.get(event.seq) ?? []), ...event.marks]) }))
        break
      case 'souffleur.pause':
        this.probe.count('pauses')
        this.player.pause(event.line_id)
        break
      case 'souffleur.resume':
        this.player.resume(event.line_id)
        break
      case 'souffleur.flush':
        this.flush(event.line_id)
        break
      case 'response.output_audio.done':
        this.player.finish(lineOf(event.item_id))
        break
      case 'response.done':
        this.player.finish(lineOf(event.response.id))
        break
      default:
        break
    }
  }

  /** Fall silent at once. */
  flush(line: string | null): void {
    this.probe.count('flushes')
    this.player.flush(line)
  }

  close(): void {
    this.watching.unsubscribe()
    this.player.close()
  }

  private sounding(report: { level: number; soundedAt: number; line: string }): void {
    if (report.soundedAt > 0) this.probe.lastOutputSampleAt = report.soundedAt
    this.probe.output.push({ at: performance.now(), level: report.level, line: report.line, soundedAt: report.soundedAt })
    if (report.level > 0) this.onSound(performance.now())
  }

  private report(line: string, ms: number, now: boolean): void {
    const at = performance.now()
    const same = this.reported.line === line
    if (!now && same && (at - this.reported.at < REPORT_EVERY_MS || ms === this.reported.ms)) return
    if (now && same && ms === this.reported.ms) return
    this.reported = { line, ms, at }
    if (this.send({ type: 'souffleur.played', line_id: line, played_ms: Math.round(ms) })) this.probe.count('played')
  }

  private chart(line: string, change: (map: SoundMap) => SoundMap): void {
    this.maps.set(line, change(this.maps.get(line) ?? UNCHARTED))
    if (this.maps.size > MAPS_KEPT) {
      const [oldest] = this.maps.keys()
      if (oldest !== undefined) this.maps.delete(oldest)
    }
  }
}
