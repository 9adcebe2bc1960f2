import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { RealtimeConnection } from '@/lib/realtime/connection'
import { NO_CALLS, NO_WAY, type Transport, type TransportHandlers, type TransportKind } from '@/lib/realtime/transport'

const opened = vi.hoisted(() => [] as { kind: TransportKind; url: string; handlers: TransportHandlers }[])
const opening = vi.hoisted(() => (kind: TransportKind) => (url: string, handlers: TransportHandlers): Transport => {
  opened.push({ kind, url, handlers })
  return { send: () => true, sendAudio: () => true, close: () => undefined }
})
vi.mock('@/lib/realtime/callTransport', () => ({ callsAreKnown: () => true, openCall: opening('webrtc') }))
vi.mock('@/lib/realtime/socketTransport', () => ({ openSocket: opening('websocket') }))

const ATTACHED = JSON.stringify({ type: 'souffleur.attached', session_id: 'S1', participant: 'p-1', name: '', place: '', head: 0, cast: [] })
const kinds = () => opened.map(({ kind }) => kind)

/** The way that stands ends; whoever waits has waited. */
function ends(code: number): void {
  opened.at(-1)?.handlers.onClose(code, '')
  vi.advanceTimersByTime(20_000)
}

function calling(): { connection: RealtimeConnection; told: () => number } {
  const connection = new RealtimeConnection({ slug: 'mirelle', session: 'S1', name: '', participant: '' }, 'http://127.0.0.1')
  let told = 0
  connection.fellBack$.subscribe(() => (told += 1))
  connection.travel('webrtc')
  connection.open()
  return { connection, told: () => told }
}

/** What tells a page that it may be worth trying: the window's and the document's events. */
const page = Object.assign(new EventTarget(), { visibilityState: 'visible' })

beforeEach(() => {
  opened.length = 0
  page.visibilityState = 'visible'
  vi.useFakeTimers()
  vi.stubGlobal('window', page)
  vi.stubGlobal('document', page)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a connection by calls', () => {
  it('comes by WebSocket where the server takes none, says so, and no change of preferences makes it try again', () => {
    const { connection, told } = calling()
    ends(NO_CALLS)
    expect([kinds(), told()]).toEqual([['webrtc', 'websocket'], 1])
    connection.travel('webrtc')
    connection.travel('webrtc')
    expect(opened).toHaveLength(2)
  })

  it('comes by WebSocket after two calls that never came about, and says so', () => {
    const { told } = calling()
    ends(NO_WAY)
    expect([kinds(), told()]).toEqual([['webrtc', 'webrtc'], 0])
    ends(NO_WAY)
    expect([kinds(), told()]).toEqual([['webrtc', 'webrtc', 'websocket'], 1])
  })

  it('counts only calls in a row: a server that was busy or away in between has told nothing of the way', () => {
    const { told } = calling()
    for (const code of [NO_WAY, 1013, NO_WAY, 1006, NO_WAY]) ends(code)
    expect([new Set(kinds()), told()]).toEqual([new Set(['webrtc']), 0])
    ends(NO_WAY)
    expect([kinds().at(-1), told()]).toEqual(['websocket', 1])
  })

  it('calls again after a call that stood, and however often the server is away', () => {
    const { told } = calling()
    for (let again = 0; again < 3; again += 1) {
      ends(NO_WAY)
      opened.at(-1)?.handlers.onText(ATTACHED)
      ends(1006)
      ends(1013)
    }
    expect([new Set(kinds()), told()]).toEqual([new Set(['webrtc']), 0])
  })

  it('calls again when it is chosen anew', () => {
    const { connection } = calling()
    ends(NO_CALLS)
    connection.travel('websocket')
    expect(opened).toHaveLength(2)
    connection.travel('webrtc')
    expect(kinds()).toEqual(['webrtc', 'websocket', 'webrtc'])
  })
})

describe('a connection whose server is away', () => {
  /** Attached once, then lost at the time 0. */
  function lost(): RealtimeConnection {
    vi.setSystemTime(0)
    const connection = new RealtimeConnection({ slug: 'mirelle', session: 'S1', name: '', participant: '' }, 'http://127.0.0.1')
    connection.open()
    opened.at(-1)?.handlers.onText(ATTACHED)
    opened.at(-1)?.handlers.onClose(1006, '')
    return connection
  }

  /** Every attempt fails at once, until so much time has passed. */
  function fails(ms: number): number[] {
    const tried: number[] = []
    let seen = opened.length
    while (Date.now() < ms) {
      vi.advanceTimersByTime(10)
      if (opened.length === seen) continue
      seen = opened.length
      tried.push(Date.now())
      opened.at(-1)?.handlers.onClose(1006, '')
    }
    return tried
  }

  const gaps = (times: number[]) => times.slice(1).map((time, index) => time - (times[index] ?? 0))

  it('tries at least once a second for half a minute, and after minutes every five to ten seconds', () => {
    const connection = lost()
    expect(Math.max(...gaps([0, ...fails(30_000)]))).toBeLessThanOrEqual(1_020)
    fails(150_000)
    const late = gaps(fails(210_000))
    expect(Math.min(...late)).toBeGreaterThanOrEqual(4_980)
    expect(Math.max(...late)).toBeLessThanOrEqual(10_020)
    connection.close()
  })

  it('counts the next outage from its own beginning', () => {
    const connection = lost()
    fails(150_000)
    opened.at(-1)?.handlers.onText(ATTACHED)
    vi.advanceTimersByTime(12_000)
    opened.at(-1)?.handlers.onText(ATTACHED)
    const since = Date.now()
    opened.at(-1)?.handlers.onClose(1006, '')
    expect(Math.max(...gaps([since, ...fails(since + 20_000)]))).toBeLessThanOrEqual(1_020)
    connection.close()
  })

  it.each(['online', 'visibilitychange'])('tries at once on `%s`', (type) => {
    const connection = lost()
    fails(150_000)
    const before = opened.length
    expect(connection.state$.value.kind).toBe('waiting')
    page.dispatchEvent(new Event(type))
    expect(opened).toHaveLength(before + 1)
    connection.close()
  })

  it('does not try because it is hidden, nor beside an attempt that has just begun', () => {
    const connection = lost()
    page.visibilityState = 'hidden'
    page.dispatchEvent(new Event('visibilitychange'))
    expect(opened).toHaveLength(1)
    vi.advanceTimersByTime(1_000)
    page.visibilityState = 'visible'
    page.dispatchEvent(new Event('visibilitychange'))
    expect(opened).toHaveLength(2)
    connection.close()
  })

  it.each(['online', 'visibilitychange'])('begins anew on `%s` where an attempt has had no answer', (type) => {
    const connection = lost()
    vi.advanceTimersByTime(1_000)
    expect([connection.state$.value.kind, opened.length]).toEqual(['connecting', 2])
    vi.advanceTimersByTime(5_000)
    page.dispatchEvent(new Event(type))
    expect(opened).toHaveLength(3)
    connection.close()
    page.dispatchEvent(new Event(type))
    expect(opened).toHaveLength(3)
  })
})

describe('a connection on which nothing comes any more', () => {
  const beat = () => opened.at(-1)?.handlers.onText(JSON.stringify({ type: 'souffleur.beat' }))

  it('is begun anew, though the browser believes that it stands; as long as the server says anything it stays', () => {
    const connection = new RealtimeConnection({ slug: 'mirelle', session: 'S1', name: '', participant: '' }, 'http://127.0.0.1')
    connection.open()
    opened.at(-1)?.handlers.onText(ATTACHED)
    for (let tens = 0; tens < 12; tens += 1) {
      vi.advanceTimersByTime(10_000)
      if (tens % 2 === 0) beat()
      else opened.at(-1)?.handlers.onAudio(new ArrayBuffer(2))
    }
    expect([opened.length, connection.state$.value.kind]).toEqual([1, 'open'])
    vi.advanceTimersByTime(31_000)
    expect([opened.length, connection.state$.value.kind]).toEqual([2, 'connecting'])
    expect(new URL(opened.at(-1)?.url ?? '').searchParams.get('participant')).toBe('p-1')
    opened.at(-1)?.handlers.onText(ATTACHED)
    connection.close()
    vi.advanceTimersByTime(60_000)
    expect(opened).toHaveLength(2)
  })

  it('is left to a call itself', () => {
    const { connection } = calling()
    opened.at(-1)?.handlers.onText(ATTACHED)
    vi.advanceTimersByTime(60_000)
    expect(opened).toHaveLength(1)
    connection.close()
  })
})

describe('a connection that has seen what the server has lost', () => {
  const text = (event: object) => opened.at(-1)?.handlers.onText(JSON.stringify(event))
  const ahead = () => {
    text({ type: 'error', error: { type: 'invalid_request_error', code: 'ahead', message: '' } })
    opened.at(-1)?.handlers.onClose(1008, 'ahead')
  }
  const asked = () => new URL(opened.at(-1)?.url ?? '').searchParams.get('after_seq')

  it('begins again at once, says so, and asks for everything', () => {
    const connection = new RealtimeConnection({ slug: 'mirelle', session: 'S1', name: '', participant: '' }, 'http://127.0.0.1')
    let told = 0
    connection.afresh$.subscribe(() => (told += 1))
    connection.open()
    text(JSON.parse(ATTACHED) as object)
    text({ type: 'souffleur.fact', fact: { seq: 50, kind: 'left', body: {} } })
    opened.at(-1)?.handlers.onClose(1006, '')
    vi.advanceTimersByTime(1_000)
    expect(asked()).toBe('50')
    ahead()
    expect([asked(), told, opened.length]).toEqual(['0', 1, 3])
    text(JSON.parse(ATTACHED) as object)
    expect(connection.state$.value.kind).toBe('open')
    opened.at(-1)?.handlers.onClose(1008, 'forbidden')
    expect([connection.state$.value.kind, told]).toEqual(['refused', 1])
    connection.close()
  })

  it('does not begin again for ever', () => {
    const connection = new RealtimeConnection({ slug: 'mirelle', session: 'S1', name: '', participant: '' }, 'http://127.0.0.1')
    connection.open()
    ahead()
    expect([connection.state$.value, opened.length]).toEqual([{ kind: 'refused', code: 'ahead', detail: 'ahead' }, 1])
    connection.close()
  })
})
