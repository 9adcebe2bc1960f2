/** The table's voices at the desk: the same frames that players hear, through the output that the master chose. Nothing is reported as heard. */
import { BehaviorSubject, Subscription } from 'rxjs'

import { msToSamples } from '@/lib/audio/pcm'
import { Player } from '@/lib/audio/player'
import { lineOf, type ServerEvent } from '@/lib/realtime/protocol'
import { placeAt, samePlace, type SoundMap, type SpokenPlace, UNCHARTED } from '@/lib/transcript/soundMap'

const MAPS_KEPT = 8

export class MonitorSound {
  /** The word that is being said; null while nothing sounds. */
  readonly spoken$ = new BehaviorSubject<SpokenPlace | null>(null)
  private player: Player | null = null
  private readonly maps = new Map<string, SoundMap>()
  private place: { line: string; at: number } | null = null
  private watching = new Subscription()

  /** Begin to play; what comes before is not heard. Rejects where the browser cannot. */
  async open(): Promise<void> {
    if (this.player !== null) return
    const player = new Player()
    this.player = player
    this.watching = player.playhead$.subscribe((head) => {
      const spoken = head === null ? null : placeAt(this.maps.get(head.line) ?? UNCHARTED, head.line, head.ms)
      if (!samePlace(spoken, this.spoken$.value)) this.spoken$.next(spoken)
    })
    await player.open()
  }

  close(): void {
    this.watching.unsubscribe()
    this.player?.close()
    this.player = null
    this.spoken$.next(null)
  }

  /** Fall silent at once. */
  silence(): void {
    this.player?.flush(null)
  }

  audio(pcm: ArrayBuffer): void {
    if (this.place === null || pcm.byteLength % 2 !== 0) return
    const { line, at } = this.place
    this.place = { line, at: at + pcm.byteLength / 2 }
    this.player?.push(line, at, pcm)
  }

  take(event: ServerEvent): void {
    switch (event.type) {
      case 'souffleur.attached':
        // Who paused it, and whether it went on, was told to the connection before.
        this.player?.resume(null)
        break
      case 'souffleur.audio':
        this.place = { line: event.line_id, at: msToSamples(event.offset_ms) }
        this.chart(event.line_id, (map) => ({ ...map, sentences: new Map(map.sentences).set(event.seq, event.offset_ms) }))
        break
      case 'souffleur.words':
        this.chart(event.line_id, (map) => ({ ...map, words: new Map(map.words).set(event.seq, [...(map.words.get(event.seq) ?? []), ...event.marks]) }))
        break
      case 'souffleur.pause':
        this.player?.pause(event.line_id)
        break
      case 'souffleur.resume':
        this.player?.resume(event.line_id)
        break
      case 'souffleur.flush':
        this.player?.flush(event.line_id)
        break
      case 'response.done':
        this.player?.finish(lineOf(event.response.id))
        break
      default:
        break
    }
  }

  private chart(line: string, change: (map: SoundMap) => SoundMap): void {
    this.maps.set(line, change(this.maps.get(line) ?? UNCHARTED))
    const [oldest] = this.maps.keys()
    if (this.maps.size > MAPS_KEPT && oldest !== undefined) this.maps.delete(oldest)
  }
}
