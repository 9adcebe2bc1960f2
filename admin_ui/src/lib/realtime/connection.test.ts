import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { RealtimeConnection } from '@/lib/realtime/connection'
import { NO_CALLS, NO_WAY, type Transport, type TransportHandlers, type TransportKind } from '@/lib/realtime/transport'

const opened = vi.hoisted(() => [] as { kind: TransportKind; handlers: TransportHandlers }[])
const opening = vi.hoisted(() => (kind: TransportKind) => (_: string, handlers: TransportHandlers): Transport => {
  opened.push({ kind, handlers })
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

beforeEach(() => {
  opened.length = 0
  vi.useFakeTimers()
  vi.stubGlobal('window', { addEventListener: () => undefined, removeEventListener: () => undefined })
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
