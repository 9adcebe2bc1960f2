import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Transport, TransportHandlers } from '@/lib/realtime/transport'

import { DeskSession } from './deskSession'

const opened = vi.hoisted(() => [] as { url: string; handlers: TransportHandlers }[])
vi.mock('@/lib/realtime/socketTransport', () => ({
  openSocket: (url: string, handlers: TransportHandlers): Transport => {
    opened.push({ url, handlers })
    return { send: () => true, sendAudio: () => true, close: () => undefined }
  },
}))

const tell = (event: object) => opened.at(-1)?.handlers.onText(JSON.stringify(event))
const said = (seq: number, text: string) =>
  tell({ type: 'souffleur.fact', fact: { v: 1, seq, kind: 'said', at: 0, by: { role: 'player', id: 'p', name: 'Ann' }, place: '', audience: null, cause: null, body: { utterance: text, text, source: 'typed' } } })

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
  vi.stubGlobal('location', { origin: 'http://127.0.0.1' })
  vi.stubGlobal('window', new EventTarget())
  vi.stubGlobal('document', new EventTarget())
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a desk that has seen what the server has lost', () => {
  it('shows what is left, and nothing of what it had', () => {
    const desk = new DeskSession('S')
    desk.open()
    for (let seq = 1; seq <= 5; seq += 1) said(seq, `lost ${seq}`)
    vi.advanceTimersByTime(100)
    expect(JSON.stringify(desk.transcript$.value)).toContain('lost 5')
    tell({ type: 'error', error: { type: 'invalid_request_error', code: 'ahead', message: 'come again' } })
    said(6, 'on its way')
    opened.at(-1)?.handlers.onClose(1008, 'ahead')
    expect(new URL(opened.at(-1)?.url ?? '').searchParams.get('after_seq')).toBe('0')
    said(1, 'what is left')
    vi.advanceTimersByTime(100)
    const shown = JSON.stringify(desk.transcript$.value)
    expect(shown).toContain('what is left')
    expect(shown).not.toMatch(/lost|on its way/)
    expect(desk.transcript$.value.view.seq).toBe(1)
    expect(desk.words$.value.map((word) => word.code)).toEqual(['ahead'])
    desk.close()
  })
})
