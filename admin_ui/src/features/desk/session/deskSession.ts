/** One director's desk, alive: it watches a session without being there, and acts on it. React looks at its observables and calls its methods. */
import { BehaviorSubject, Subscription } from 'rxjs'

import { Problem } from '@/lib/api/client'
import { type ConnectionState, RealtimeConnection } from '@/lib/realtime/connection'
import type { Attached, DeskShown, ServerEvent, TurnTimed } from '@/lib/realtime/protocol'
import { ulid } from '@/lib/realtime/ulid'
import type { Fact } from '@/lib/transcript/fact'
import { advance, BLANK, type Transcript } from '@/lib/transcript/fold'

import { type Correction, getCorrection, type LiveAct, postAct, postCorrection, postUndo } from '../api/acts'
import { Ledger } from './ledger'
import { happened, type Live, QUIET } from './live'
import { OwnVoice } from './ownVoice'
import { Preview } from './preview'
import { MonitorSound } from './sound'
import { CLEAR } from './states'
import { Stand } from './stand'

/** Something to be read once; words of the page by `code`, else `detail`. */
export interface Word {
  id: number
  code: string
  detail: string
  severity: 'info' | 'warning' | 'error'
}

/** Facts of one burst (a reopened session) are folded together. */
const FOLD_MS = 16
const WORDS_KEPT = 4
const WORD_MS = 6000
const TURNS_KEPT = 200
/** Refusals that only say that there was nothing to do, or what the transcript says as well. */
const HARMLESS = new Set(['input_audio_buffer_commit_empty', 'nobody_answers', 'response_cancel_not_active'])

export class DeskSession {
  readonly attached$ = new BehaviorSubject<Attached | null>(null)
  readonly transcript$ = new BehaviorSubject<Transcript>(BLANK)
  readonly desk$ = new BehaviorSubject<DeskShown>(CLEAR)
  readonly live$ = new BehaviorSubject<Live>(QUIET)
  /** Where the time of the last turns went, by line. */
  readonly turns$ = new BehaviorSubject<ReadonlyMap<string, TurnTimed>>(new Map())
  readonly words$ = new BehaviorSubject<readonly Word[]>([])
  /** Drafts that this very desk works on. */
  readonly claims$ = new BehaviorSubject<ReadonlySet<string>>(new Set())
  readonly stand = new Stand()
  readonly ledger: Ledger
  readonly voice: OwnVoice
  readonly sound = new MonitorSound()
  readonly preview = new Preview()
  private readonly connection: RealtimeConnection
  private readonly watching = new Subscription()
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  private incoming: Fact[] = []
  private folding: ReturnType<typeof setTimeout> | null = null
  private listening = false
  private worded = 0

  constructor(
    readonly id: string,
    name: string,
  ) {
    this.connection = new RealtimeConnection({ slug: '', session: id, name, participant: '', monitor: true })
    this.ledger = new Ledger({ post: (act, correction) => postCorrection(id, act, correction), look: (act) => getCorrection(id, act) }, ulid)
    this.voice = new OwnVoice({ send: this.connection.send.bind(this.connection), sendAudio: this.connection.sendAudio.bind(this.connection) })
  }

  get state$(): BehaviorSubject<ConnectionState> {
    return this.connection.state$
  }

  /** Where the desk is. */
  get place(): string {
    return this.attached$.value?.place ?? ''
  }

  open(): void {
    this.watching.add(this.connection.events$.subscribe((event) => this.take(event)))
    this.watching.add(this.connection.audio$.subscribe((pcm) => this.sound.audio(pcm)))
    this.connection.open()
  }

  close(): void {
    if (this.folding !== null) clearTimeout(this.folding)
    for (const timer of this.timers) clearTimeout(timer)
    this.ledger.close()
    this.voice.close()
    this.sound.close()
    this.preview.stop()
    this.connection.close()
    this.watching.unsubscribe()
  }

  retryNow(): void {
    this.connection.retryNow()
  }

  /** Play the table's voices here as well. */
  listen(listening: boolean): void {
    if (this.listening === listening) return
    this.listening = listening
    if (listening) this.sound.open().catch(() => this.tell('no_audio', '', 'warning'))
    else this.sound.close()
    this.configure()
  }

  /** A live act; true if it was done. What was refused is told. */
  async act(act: LiveAct): Promise<boolean> {
    try {
      await postAct(this.id, ulid(), { place: this.place, ...act })
      return true
    } catch (error) {
      this.failed(error, act.kind)
      return false
    }
  }

  /** A text act, followed by the ledger; true once it is accepted. */
  correct(correction: Correction): Promise<boolean> {
    return this.ledger.correct({ place: this.place, ...correction })
  }

  /** Take back the last act that can be taken back. */
  async undo(): Promise<void> {
    try {
      const undone = await postUndo(this.id)
      this.tell('undone', undone.kind ?? '', 'info')
    } catch (error) {
      this.failed(error, 'undo')
    }
  }

  /** Everybody falls silent, or may speak again. */
  async panic(): Promise<void> {
    const on = !this.desk$.value.halted
    if (on) this.sound.silence()
    await this.act({ kind: on ? 'halt' : 'resume' })
  }

  /** Work on a draft, or leave it to others. */
  async claim(line: string, on: boolean): Promise<boolean> {
    if (this.claims$.value.has(line) === on) return true
    this.claimed(line, on)
    const done = await this.act({ kind: on ? 'claim' : 'unclaim', line })
    if (!done && on) this.claimed(line, false)
    return done
  }

  tell(code: string, detail: string, severity: Word['severity']): void {
    this.worded += 1
    const id = this.worded
    this.words$.next([...this.words$.value, { id, code, detail, severity }].slice(-WORDS_KEPT))
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.dismiss(id)
    }, WORD_MS)
    this.timers.add(timer)
  }

  dismiss(id: number): void {
    this.words$.next(this.words$.value.filter((word) => word.id !== id))
  }

  /** Tell why something could not be done. */
  failed(error: unknown, kind: string): void {
    const problem = error instanceof Problem ? error : new Problem(0, 'unknown', '')
    // A draft that is gone was decided on by somebody else.
    const late = problem.code === 'not_found' && (kind === 'release' || kind === 'reject' || kind === 'claim')
    if (kind === 'unclaim' && problem.status === 404) return
    this.tell(late ? 'decided_already' : problem.code, problem.detail, problem.code === 'conflict' || late ? 'warning' : 'error')
  }

  private take(event: ServerEvent): void {
    this.sound.take(event)
    this.voice.take(event)
    const live = happened(this.live$.value, event)
    if (live !== this.live$.value) this.live$.next(live)
    if (event.type === 'souffleur.attached') this.seated(event)
    else if (event.type === 'souffleur.fact') this.fact(event.fact)
    else if (event.type === 'souffleur.desk') this.shown(event)
    else if (event.type === 'souffleur.turn') this.timed(event)
    else if (event.type === 'souffleur.notice') this.tell(event.code, event.detail, event.severity)
    else if (event.type === 'error' && !HARMLESS.has(event.error.code ?? '')) this.tell(event.error.code ?? 'unknown', event.error.message, 'error')
  }

  private seated(attached: Attached): void {
    this.connection.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } })
    this.configure()
    this.attached$.next(attached)
  }

  private configure(): void {
    this.connection.send({ type: 'souffleur.configure', hears: this.listening })
  }

  private shown(desk: DeskShown): void {
    const there = new Set(desk.held.map((held) => held.line))
    const claims = [...this.claims$.value].filter((line) => there.has(line))
    if (claims.length !== this.claims$.value.size) this.claims$.next(new Set(claims))
    this.desk$.next(desk)
  }

  private timed(turn: TurnTimed): void {
    const turns = new Map(this.turns$.value).set(turn.line_id, turn)
    const [oldest] = turns.keys()
    if (turns.size > TURNS_KEPT && oldest !== undefined) turns.delete(oldest)
    this.turns$.next(turns)
  }

  private fact(fact: Fact): void {
    this.incoming.push(fact)
    this.folding ??= setTimeout(() => {
      this.folding = null
      this.transcript$.next(this.incoming.splice(0).reduce(advance, this.transcript$.value))
    }, FOLD_MS)
  }

  private claimed(line: string, on: boolean): void {
    const claims = new Set(this.claims$.value)
    if (on) claims.add(line)
    else claims.delete(line)
    this.claims$.next(claims)
  }
}
