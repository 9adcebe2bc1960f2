/** One attachment to a session that comes back by itself, over a WebSocket or by WebRTC: same session, same participant, no fact twice. */
import { BehaviorSubject, Subject } from 'rxjs'

import { backoffMs } from '@/lib/realtime/backoff'
import { callsAreKnown, openCall } from '@/lib/realtime/callTransport'
import { type ClientEvent, readEvent, type ServerEvent } from '@/lib/realtime/protocol'
import { openSocket } from '@/lib/realtime/socketTransport'
import { NO_CALLS, NO_WAY, type Transport, type TransportHandlers, type TransportKind } from '@/lib/realtime/transport'

export type ConnectionState =
  | { kind: 'connecting'; attempt: number }
  | { kind: 'open' }
  | { kind: 'waiting'; attempt: number; retryAt: number }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'closed' }

/** Whom the attachment is for. */
export interface Seat {
  slug: string
  session: string
  name: string
  participant: string
  /** A director's desk: watches without being there. */
  monitor?: boolean
  /** Which of the directors at this machine watches. */
  operator?: string
}

/** What this page is called where approval is asked for one platform. */
const PLATFORM = 'page'

/** Close codes after which trying again cannot help. */
const FINAL = (code: number) => code === 1008 || code === 1003 || (code >= 4400 && code < 4500)

/** An attempt that has had no answer for so long is begun anew when the network or the page comes back. */
const STUCK_MS = 2_000

/** The server says something every ten seconds: a WebSocket that has been silent for so long is gone, whatever the browser believes. A call watches itself. */
const SILENT_MS = 25_000
const LOOK_EVERY_MS = 5_000

/** The server's error to whoever has seen more than it has. */
const AHEAD = 'ahead'

/** So many calls in a row that never came about are enough. */
const MISSES = 2

export class RealtimeConnection {
  readonly state$ = new BehaviorSubject<ConnectionState>({ kind: 'connecting', attempt: 1 })
  readonly events$ = new Subject<ServerEvent>()
  readonly audio$ = new Subject<ArrayBuffer>()
  /** A call was wanted and cannot be had: this comes by WebSocket from now on. */
  readonly fellBack$ = new Subject<void>()
  /** The server has lost facts that this page has seen: everything comes once more, from the beginning. */
  readonly afresh$ = new Subject<void>()
  private transport: Transport | null = null
  private kind: TransportKind = 'websocket'
  /** Stands until a WebSocket is chosen. */
  private noCalls = false
  private misses = 0
  private timer: ReturnType<typeof setTimeout> | null = null
  private attempt = 0
  /** When the connection was lost, or first wanted; null while it stands. */
  private awaySince: number | null = null
  private head = 0
  private lastError = { code: '', detail: '' }
  private lastTry = 0
  private lastHeard = 0
  private watch: ReturnType<typeof setInterval> | null = null
  private readonly onOnline = () => {
    if (this.isStuck()) this.connect()
    else this.retryNow()
  }
  /** A browser lets a hidden page's timers sleep, so its next attempt may be a minute off when somebody looks at it again. */
  private readonly onVisible = () => {
    if (document.visibilityState === 'visible' && (this.state$.value.kind === 'waiting' || this.isStuck())) this.connect()
  }

  constructor(
    private seat: Seat,
    private readonly base: string = location.origin,
  ) {}

  open(): void {
    window.addEventListener('online', this.onOnline)
    document.addEventListener('visibilitychange', this.onVisible)
    this.watch = setInterval(() => {
      if (this.isDead()) this.connect()
    }, LOOK_EVERY_MS)
    this.connect()
  }

  /** Skip what is left of the wait. */
  retryNow(): void {
    const { kind } = this.state$.value
    if (kind === 'waiting' || kind === 'refused') this.connect()
  }

  /** Leave for good. */
  close(): void {
    window.removeEventListener('online', this.onOnline)
    document.removeEventListener('visibilitychange', this.onVisible)
    if (this.timer !== null) clearTimeout(this.timer)
    if (this.watch !== null) clearInterval(this.watch)
    this.detach()
    this.state$.next({ kind: 'closed' })
  }

  /** Come again under another name. */
  rename(name: string): void {
    if (name === this.seat.name) return
    this.seat = { ...this.seat, name }
    if (this.state$.value.kind === 'open') this.connect()
  }

  /** Travel another way from now on. */
  travel(kind: TransportKind): void {
    if (kind === 'websocket') this.noCalls = false
    const possible = kind === 'webrtc' && (this.noCalls || !callsAreKnown()) ? 'websocket' : kind
    if (possible === this.kind) return
    this.kind = possible
    this.misses = 0
    if (this.transport !== null) this.connect()
  }

  /** False if there is no connection; the event is not kept. */
  send(event: ClientEvent): boolean {
    return this.transport?.send(event) ?? false
  }

  /** False if the frame was dropped. */
  sendAudio(pcm: ArrayBuffer): boolean {
    return this.transport?.sendAudio(pcm) ?? false
  }

  private connect(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.detach()
    this.lastTry = Date.now()
    this.awaySince ??= this.lastTry
    this.attempt += 1
    this.state$.next({ kind: 'connecting', attempt: this.attempt })
    const handlers: TransportHandlers = {
      onText: (text) => {
        this.lastHeard = Date.now()
        this.take(text)
      },
      onAudio: (pcm) => {
        this.lastHeard = Date.now()
        this.audio$.next(pcm)
      },
      onClose: (code, reason) => this.lost(code, reason),
    }
    this.transport = this.kind === 'webrtc' ? openCall(callAddressOf(this.base, this.seat, this.head), handlers) : openSocket(addressOf(this.base, this.seat, this.head), handlers)
  }

  private take(data: string): void {
    const event = readEvent(data)
    if (event === null) return
    if (event.type === 'souffleur.attached') {
      this.seat = { ...this.seat, session: event.session_id, participant: event.participant }
      this.attempt = 0
      this.awaySince = null
      this.misses = 0
      this.lastError = { code: '', detail: '' }
    } else if (event.type === 'souffleur.fact') {
      this.head = Math.max(this.head, event.fact.seq)
    } else if (event.type === 'error') {
      this.lastError = { code: event.error.code ?? '', detail: event.error.message }
    }
    this.events$.next(event)
    if (event.type === 'souffleur.attached') this.state$.next({ kind: 'open' })
  }

  private lost(code: number, reason: string): void {
    this.detach()
    this.misses = code === NO_WAY ? this.misses + 1 : 0
    if (code === NO_CALLS || this.misses === MISSES) {
      this.kind = 'websocket'
      this.noCalls = true
      this.misses = 0
      this.fellBack$.next()
      this.connect()
      return
    }
    if (this.lastError.code === AHEAD && this.head > 0) {
      this.head = 0
      this.afresh$.next()
      this.connect()
      return
    }
    if (FINAL(code)) {
      this.awaySince = null
      this.state$.next({ kind: 'refused', code: this.lastError.code || String(code), detail: this.lastError.detail || reason })
      return
    }
    const now = Date.now()
    this.awaySince ??= now
    const wait = backoffMs(this.attempt, now - this.awaySince, Math.random())
    this.state$.next({ kind: 'waiting', attempt: this.attempt, retryAt: now + wait })
    this.timer = setTimeout(() => this.connect(), wait)
  }

  /** A handshake that set out into a network that is gone by now; the browser would wait for it a minute and more. A call has a deadline of its own. */
  private isStuck(): boolean {
    return this.state$.value.kind === 'connecting' && this.kind === 'websocket' && Date.now() - this.lastTry > STUCK_MS
  }

  private isDead(): boolean {
    return this.state$.value.kind === 'open' && this.kind === 'websocket' && Date.now() - this.lastHeard > SILENT_MS
  }

  private detach(): void {
    this.transport?.close()
    this.transport = null
  }
}

/** Where to connect; facts after `head` are asked for, so that none is shown twice. */
export function addressOf(base: string, seat: Seat, head: number): string {
  const url = asking(new URL('/v1/realtime', base), seat, head)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.toString()
}

/** Where to call; the same is asked for. */
export function callAddressOf(base: string, seat: Seat, head: number): string {
  return asking(new URL('/v1/realtime/calls', base), seat, head).toString()
}

function asking(url: URL, seat: Seat, head: number): URL {
  if (seat.slug !== '') url.searchParams.set('model', `npc/${seat.slug}`)
  if (seat.session !== '') url.searchParams.set('session', seat.session)
  if (seat.name !== '') url.searchParams.set('name', seat.name)
  if (seat.participant !== '') url.searchParams.set('participant', seat.participant)
  if (seat.monitor === true) url.searchParams.set('monitor', '1')
  if (seat.operator !== undefined) url.searchParams.set('operator', seat.operator)
  url.searchParams.set('platform', PLATFORM)
  url.searchParams.set('after_seq', String(head))
  return url
}
