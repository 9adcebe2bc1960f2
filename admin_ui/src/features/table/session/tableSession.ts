/** One seat at a table, alive: connection, ears, voice, transcript. React looks at its observables and calls its methods. */
import { BehaviorSubject, Subscription } from 'rxjs'

import { audible$ } from '@/lib/audio/context'
import { rawAsked } from '@/lib/audio/microphone'
import { type ConnectionState, RealtimeConnection, type Seat } from '@/lib/realtime/connection'
import type { Attached, ServerEvent, TurnTimed } from '@/lib/realtime/protocol'
import type { TransportKind } from '@/lib/realtime/transport'
import { ulid } from '@/lib/realtime/ulid'
import type { Fact } from '@/lib/transcript/fact'
import { advance, BLANK, type Transcript } from '@/lib/transcript/fold'

import { caption, type Captions, SILENCE } from './captions'
import { Outbox } from './outbox'
import { PlaybackPath } from './playbackPath'
import { Probe, publish } from './probe'
import { VoicePath } from './voicePath'

export interface Notice {
  id: number
  code: string
  severity: 'info' | 'warning' | 'error'
  detail: string
}

/** Facts of one burst (a reopened session) are folded together. */
const FOLD_MS = 16
const NOTICES_KEPT = 4
/** Refusals that only say that there was nothing to do, or what the transcript says as well. */
const HARMLESS = new Set(['response_cancel_not_active', 'conversation_already_has_active_response', 'input_audio_buffer_commit_empty', 'nobody_answers'])

export class TableSession {
  readonly attached$ = new BehaviorSubject<Attached | null>(null)
  readonly transcript$ = new BehaviorSubject<Transcript>(BLANK)
  readonly captions$ = new BehaviorSubject<Captions>(SILENCE)
  readonly turn$ = new BehaviorSubject<TurnTimed | null>(null)
  readonly notices$ = new BehaviorSubject<readonly Notice[]>([])
  readonly voice: VoicePath
  readonly playback: PlaybackPath
  readonly outbox: Outbox
  private readonly probe = new Probe()
  private readonly connection: RealtimeConnection
  private readonly watching = new Subscription()
  private incoming: Fact[] = []
  private folding: ReturnType<typeof setTimeout> | null = null
  private listening = true
  private heads = 1
  private noticed = 0
  private hinted = false
  /** A table that this page has just opened begins with the character's greeting. */
  private toBeGreeted: boolean

  constructor(seat: Seat) {
    this.toBeGreeted = seat.session === ''
    this.connection = new RealtimeConnection(seat)
    const send = this.connection.send.bind(this.connection)
    this.voice = new VoicePath({ send, sendAudio: this.connection.sendAudio.bind(this.connection) }, this.probe)
    this.playback = new PlaybackPath(send, this.probe, (nowMs) => this.voice.characterSounded(nowMs))
    this.outbox = new Outbox(send, ulid, () => this.interrupt())
    publish(this.probe)
  }

  get state$(): BehaviorSubject<ConnectionState> {
    return this.connection.state$
  }

  open(): void {
    this.watching.add(this.connection.events$.subscribe((event) => this.take(event)))
    this.watching.add(this.connection.audio$.subscribe((pcm) => this.playback.audio(pcm)))
    this.watching.add(this.connection.state$.subscribe((state) => (this.probe.state = state.kind)))
    this.watching.add(this.connection.fellBack$.subscribe(() => this.notice({ code: 'no_calls', severity: 'warning', detail: '' })))
    this.watching.add(audible$.subscribe(() => this.configure()))
    this.playback.player.open().catch(() => this.notice({ code: 'no_audio', severity: 'warning', detail: '' }))
    this.watching.add(this.connection.afresh$.subscribe(() => this.forget()))
    this.connection.open()
  }

  close(): void {
    if (this.folding !== null) clearTimeout(this.folding)
    this.outbox.close()
    this.voice.close()
    this.playback.close()
    this.connection.close()
    this.watching.unsubscribe()
    this.probe.state = 'closed'
  }

  retryNow(): void {
    this.connection.retryNow()
  }

  /** Whether the characters' voices are wanted; without them lines count as heard when their text is here. */
  setListening(listening: boolean): void {
    if (this.listening === listening) return
    this.listening = listening
    if (!listening) this.playback.flush(null)
    this.configure()
  }

  setMode(mode: 'hands-free' | 'push'): void {
    this.voice.setMode(mode)
    this.describeTurns()
    this.configure()
  }

  /** How many sit behind this microphone. */
  setHeads(heads: number): void {
    if (this.heads === heads) return
    this.heads = heads
    this.configure()
  }

  /** By WebSocket, or by WebRTC where the network loses much. */
  travel(kind: TransportKind): void {
    this.connection.travel(kind)
  }

  startTalking(deviceId: string): void {
    this.voice.open(deviceId, rawAsked(location.search))
  }

  /** Stop the character that speaks: silent here at once, and cut in the transcript. */
  interrupt(): void {
    this.connection.send({ type: 'response.cancel' })
    this.playback.flush(null)
  }

  dismiss(id: number): void {
    this.notices$.next(this.notices$.value.filter((notice) => notice.id !== id))
  }

  private take(event: ServerEvent): void {
    this.probe.events.push({ at: performance.now(), type: event.type, line: 'line_id' in event ? event.line_id : '' })
    const me = this.attached$.value?.participant ?? ''
    this.playback.take(event)
    this.outbox.take(event, me)
    const captions = caption(this.captions$.value, event, me)
    if (captions !== this.captions$.value) this.captions$.next(captions)
    if (event.type === 'souffleur.attached') this.seated(event)
    else if (event.type === 'souffleur.fact') this.fact(event.fact)
    else if (event.type === 'conversation.item.input_audio_transcription.completed') this.heard(event.transcript)
    else if (event.type === 'souffleur.turn') this.turn$.next(event)
    else if (event.type === 'souffleur.notice') this.notice(event)
    else if (event.type === 'error' && event.error.code === 'not_addressed') this.unaddressed()
    else if (event.type === 'error' && !HARMLESS.has(event.error.code ?? '')) this.notice({ code: event.error.code ?? 'error', severity: 'error', detail: event.error.message })
  }

  private seated(attached: Attached): void {
    this.probe.session = attached.session_id
    this.probe.participant = attached.participant
    this.probe.count('connects')
    this.captions$.next(SILENCE)
    this.describeTurns()
    this.configure()
    this.attached$.next(attached)
    this.outbox.reconnected(attached.head)
    if (this.toBeGreeted) {
      this.toBeGreeted = false
      this.connection.send({ type: 'response.create' })
    }
  }

  /** Push-to-talk asks for the answer itself, but only where something was understood: an empty request would let the character speak unasked. */
  private heard(transcript: string): void {
    if (!this.voice.takeCommitted()) return
    if (transcript.trim() === '') this.notice({ code: 'not_understood', severity: 'info', detail: '' })
    else this.outbox.ask()
  }

  /** Several people share the table: who is not told once that a character wants to be called would take it for broken. */
  private unaddressed(): void {
    if (this.hinted) return
    this.hinted = true
    this.notice({ code: 'not_addressed', severity: 'info', detail: '' })
  }

  private describeTurns(): void {
    const turn_detection = this.voice.state$.value.mode === 'push' ? null : { type: 'server_vad' as const, create_response: true, interrupt_response: true }
    this.connection.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection } } } })
  }

  /** After every `session.update`, which sets `hears` anew. Only a page that can be heard says that it hears: otherwise the stage would wait for reports that never come. */
  private configure(): void {
    this.connection.send({ type: 'souffleur.configure', hears: this.listening && audible$.value, reports_playback: true, head_count: this.heads, table_talk: this.voice.state$.value.tableTalk })
  }

  private forget(): void {
    this.incoming = []
    this.transcript$.next(BLANK)
  }

  private fact(fact: Fact): void {
    this.probe.count('facts')
    this.incoming.push(fact)
    this.folding ??= setTimeout(() => {
      this.folding = null
      this.transcript$.next(this.incoming.splice(0).reduce(advance, this.transcript$.value))
    }, FOLD_MS)
  }

  private notice(notice: Omit<Notice, 'id'>): void {
    this.noticed += 1
    const { code, severity, detail } = notice
    this.notices$.next([...this.notices$.value, { id: this.noticed, code, severity, detail }].slice(-NOTICES_KEPT))
  }
}
