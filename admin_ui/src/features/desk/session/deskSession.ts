/** One director's desk, alive: it watches a session without being there, and acts on it. React looks at its observables and calls its methods. */
import { BehaviorSubject, Subscription } from 'rxjs'

import { Problem } from '@/lib/api/client'
import { type ConnectionState, RealtimeConnection } from '@/lib/realtime/connection'
import type { Attached, DeskShown, ServerEvent, TurnTimed } from '@/lib/realtime/protocol'
import { ulid } from '@/lib/realtime/ulid'
import type { Fact } from '@/lib/transcript/fact'
import { advance, BLANK, type Transcript } from '@/lib/transcript/fold'

import { type Correction, getCorrection, type LiveAct, postAct, postCorrection, postUndo } from '../api/acts'
import { operator } from '../api/operator'
import { Ledger } from './ledger'
import { happened, type Live, QUIET } from './live'
import { OwnVoice } from './ownVoice'
import { Preview } from './preview'
import { MonitorSound } from './sound'
import { CLEAR, othersClaim } from './states'
import { Stand } from './stand'
import { isPlayed, whereabouts } from './whereabouts'

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
/** A claim is renewed when this share of it has gone. */
const CLAIM_SHARE = 0.3
const SOONEST_CLAIM_MS = 500
/** Refusals that only say that there was nothing to do, or what the transcript says as well. */
const HARMLESS = new Set(['input_audio_buffer_commit_empty', 'nobody_answers', 'response_cancel_not_active'])
const NOTHING = { words: '', id: '' }

export class DeskSession {
  readonly attached$ = new BehaviorSubject<Attached | null>(null)
  readonly transcript$ = new BehaviorSubject<Transcript>(BLANK)
  /** Where the desk is; nobody else sees it there. */
  readonly place$ = new BehaviorSubject('')
  readonly desk$ = new BehaviorSubject<DeskShown>(CLEAR)
  readonly live$ = new BehaviorSubject<Live>(QUIET)
  /** Where the time of the last turns went, by line. */
  readonly turns$ = new BehaviorSubject<ReadonlyMap<string, TurnTimed>>(new Map())
  readonly words$ = new BehaviorSubject<readonly Word[]>([])
  readonly stand = new Stand()
  readonly ledger: Ledger
  readonly voice: OwnVoice
  readonly sound = new MonitorSound()
  readonly preview = new Preview()
  /** Drafts on which a decision is on its way. */
  readonly deciding = new Set<string>()
  private readonly connection: RealtimeConnection
  private readonly watching = new Subscription()
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  private incoming: Fact[] = []
  private folding: ReturnType<typeof setTimeout> | null = null
  private listening = false
  /** The director has gone where no player is, knowingly. */
  private chosen = false
  private worded = 0
  /** A character's words that may have arrived: said again they keep their id, so that they are spoken once. */
  private unanswered = NOTHING
  /** Drafts that were claimed from here: when last, and whether that was granted. */
  private readonly claims = new Map<string, { at: number; granted: Promise<boolean> }>()

  constructor(readonly id: string) {
    const me = operator()
    this.connection = new RealtimeConnection({ slug: '', session: id, name: me.name, participant: '', monitor: true, operator: me.id })
    this.ledger = new Ledger({ post: (act, correction) => postCorrection(id, act, correction), look: (act) => getCorrection(id, act) }, ulid)
    this.voice = new OwnVoice({
      send: this.connection.send.bind(this.connection),
      sendAudio: this.connection.sendAudio.bind(this.connection),
      goTo: (slug) => this.goTo(this.transcript$.value.view.members.get(slug)?.place ?? this.place),
    })
  }

  get state$(): BehaviorSubject<ConnectionState> {
    return this.connection.state$
  }

  /** Where the desk is. */
  get place(): string {
    return this.place$.value
  }

  /** Be somewhere else: what is narrated and said is heard there, and the voices of that place are heard here. */
  goTo(place: string): void {
    this.move(place)
    this.chosen = !isPlayed(this.transcript$.value.view, this.place)
  }

  /** Who works here, as `claimed_by` of a draft names them. */
  get me(): string {
    return this.attached$.value?.participant ?? ''
  }

  /** The director has given another name. */
  renamed(): void {
    this.connection.rename(operator().name)
  }

  open(): void {
    this.watching.add(this.connection.events$.subscribe((event) => this.take(event)))
    this.watching.add(this.connection.audio$.subscribe((pcm) => this.sound.audio(pcm)))
    this.watching.add(this.connection.afresh$.subscribe(() => this.forget()))
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
    const told = { place: this.place, ...act }
    const words = act.kind === 'puppet' ? JSON.stringify(told) : ''
    const id = words !== '' && words === this.unanswered.words ? this.unanswered.id : ulid()
    try {
      await postAct(this.id, id, told)
      if (id === this.unanswered.id) this.unanswered = NOTHING
      return true
    } catch (error) {
      if (words !== '' && !(error instanceof Problem && error.status !== 0)) this.unanswered = { words, id }
      this.refused(error, act)
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
      this.failed(error)
    }
  }

  /** Everybody falls silent, or may speak again. */
  async panic(): Promise<void> {
    const on = !this.desk$.value.halted
    if (on) this.sound.silence()
    await this.act({ kind: on ? 'halt' : 'resume' })
  }

  /** Work on a draft; false if that was not granted. */
  claim(line: string): Promise<boolean> {
    const granted = this.act({ kind: 'claim', line })
    this.claims.set(line, { at: Date.now(), granted })
    return granted
  }

  /** Leave a draft to others. */
  async unclaim(line: string): Promise<void> {
    const claim = this.claims.get(line)
    this.claims.delete(line)
    const granted = claim === undefined || (await claim.granted)
    const held = this.desk$.value.held.find((one) => one.line === line)
    // What was decided on, or taken by somebody else after the claim had lapsed, is not ours to leave.
    if (granted && held !== undefined && !held.queued && !othersClaim(held, this.me)) await this.act({ kind: 'unclaim', line })
  }

  /** A hand is still on the draft: it is claimed anew in good time. */
  keep(line: string): void {
    const held = this.desk$.value.held.find((one) => one.line === line)
    const claim = this.claims.get(line)
    if (held === undefined || held.queued || claim === undefined || othersClaim(held, this.me)) return
    const lasts = Math.max(0, held.claim_lapses_at_ms - claim.at)
    if (Date.now() - claim.at > Math.max(SOONEST_CLAIM_MS, lasts * CLAIM_SHARE)) void this.claim(line)
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
  failed(error: unknown): void {
    const problem = error instanceof Problem ? error : new Problem(0, 'unknown', '')
    this.tell(problem.code, problem.detail, problem.code === 'conflict' ? 'warning' : 'error')
  }

  /** As `failed`, for an act. A draft that is gone was decided on by somebody else, or is being worked on. */
  private refused(error: unknown, { kind, line = '' }: LiveAct): void {
    const code = error instanceof Problem ? error.code : ''
    const about = kind === 'release' || kind === 'reject' || kind === 'claim' || kind === 'unclaim'
    if (!about || (code !== 'not_found' && code !== 'conflict')) {
      this.failed(error)
      return
    }
    if (kind === 'unclaim') return
    const held = this.desk$.value.held.find((one) => one.line === line)
    if (held === undefined || held.queued) this.tell('decided_already', '', 'warning')
    else if (othersClaim(held, this.me)) this.tell('others_claim', held.claimed_by_name, 'warning')
    else this.failed(error)
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

  private move(place: string): void {
    // What is being said now belongs to where it was begun.
    if (place === this.place || this.voice.state$.value.role !== null) return
    this.place$.next(place)
    // Of a voice that goes on there no end is told here.
    this.sound.silence()
    this.configure()
  }

  /** With the players, unless the director has chosen to be elsewhere meanwhile. */
  private follow(): void {
    const { view } = this.transcript$.value
    if (isPlayed(view, this.place)) this.chosen = false
    else if (!this.chosen) this.move(whereabouts(view, this.place))
  }

  private configure(): void {
    this.connection.send({ type: 'souffleur.configure', hears: this.listening, place: this.place })
  }

  private shown(desk: DeskShown): void {
    const there = new Set(desk.held.map((held) => held.line))
    for (const line of this.claims.keys()) if (!there.has(line)) this.claims.delete(line)
    this.desk$.next(desk)
  }

  private timed(turn: TurnTimed): void {
    const turns = new Map(this.turns$.value).set(turn.line_id, turn)
    const [oldest] = turns.keys()
    if (turns.size > TURNS_KEPT && oldest !== undefined) turns.delete(oldest)
    this.turns$.next(turns)
  }

  private forget(): void {
    this.incoming = []
    this.transcript$.next(BLANK)
  }

  private fact(fact: Fact): void {
    this.incoming.push(fact)
    this.folding ??= setTimeout(() => {
      this.folding = null
      this.transcript$.next(this.incoming.splice(0).reduce(advance, this.transcript$.value))
      this.follow()
    }, FOLD_MS)
  }
}
