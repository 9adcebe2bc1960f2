import { describe, expect, it } from 'vitest'

import { backoffMs } from '@/lib/realtime/backoff'
import { addressOf } from '@/lib/realtime/connection'
import { lineOf, readEvent } from '@/lib/realtime/protocol'
import { ulid } from '@/lib/realtime/ulid'

describe('the realtime client', () => {
  it('waits at most a second in the first half minute of an outage, never less than half of it', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, 0, 1))).toEqual([400, 800, 1_000, 1_000])
    expect([backoffMs(50, 29_999, 1), backoffMs(50, 29_999, 0)]).toEqual([1_000, 500])
  })

  it('waits longer in a longer outage, up to ten seconds', () => {
    expect([30_000, 60_000, 120_000, 86_400_000].map((away) => backoffMs(50, away, 1))).toEqual([1_000, 4_000, 10_000, 10_000])
    expect(backoffMs(50, 86_400_000, 0)).toBe(5_000)
  })

  it('asks for the same seat and only for facts that it lacks', () => {
    const url = new URL(addressOf('https://table.example', { slug: 'mirelle', session: 'S1', name: 'Анна', participant: 'p-1' }, 42))
    expect(url.protocol).toBe('wss:')
    expect(Object.fromEntries(url.searchParams)).toEqual({ model: 'npc/mirelle', session: 'S1', name: 'Анна', participant: 'p-1', platform: 'page', after_seq: '42' })
    expect(addressOf('http://127.0.0.1:8765', { slug: 'x', session: '', name: '', participant: '' }, 0)).toBe('ws://127.0.0.1:8765/v1/realtime?model=npc%2Fx&platform=page&after_seq=0')
    const desk = new URL(addressOf('https://table.example', { slug: '', session: 'S1', name: 'Dora', participant: '', monitor: true, operator: '0af3' }, 0))
    expect([desk.searchParams.get('monitor'), desk.searchParams.get('operator')]).toEqual(['1', '0af3'])
  })

  it('reads events and nothing else', () => {
    expect(readEvent('{"type":"souffleur.flush","line_id":"L"}')).toEqual({ type: 'souffleur.flush', line_id: 'L' })
    for (const noise of ['', '{', 'null', '[]', '{"type":7}', '"type"']) expect(readEvent(noise)).toBeNull()
  })

  it('finds the line behind an item or a response', () => {
    expect([lineOf('item_01ABC'), lineOf('resp_01ABC'), lineOf('01ABC')]).toEqual(['01ABC', '01ABC', '01ABC'])
  })

  it('makes ids that sort by time', () => {
    const [early, late] = [ulid(1_000), ulid(2_000_000_000_000)]
    expect(early).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(early < late).toBe(true)
    expect(ulid(5)).not.toBe(ulid(5))
  })
})
