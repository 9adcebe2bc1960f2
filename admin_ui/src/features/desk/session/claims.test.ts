import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Attached, HeldLine } from '@/lib/realtime/protocol'

import { DeskSession } from './deskSession'
import { approve, decide, leave, reject } from './gestures'
import { CLEAR } from './states'

const ME = 'local:me'
const held = (extra: Partial<HeldLine> = {}): HeldLine => ({ line: 'L', character: 'm', turn: 1, since_ms: 1, releases_at_ms: 0, claimed_by: '', claimed_by_name: '', claim_lapses_at_ms: 0, stale: false, complete: true, place: '', queued: false, ...extra })

let answer: { status: number; code: string }
let acts: string[]
let desk: DeskSession
const settled = () => vi.advanceTimersByTimeAsync(0)
const shown = (...lines: HeldLine[]) => desk.desk$.next({ ...CLEAR, held: lines })
const words = () => desk.words$.value.map((word) => [word.code, word.detail])

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
  answer = { status: 200, code: '' }
  acts = []
  vi.stubGlobal('location', { origin: 'http://127.0.0.1' })
  vi.stubGlobal('fetch', (_: string, init: { body: string }) => {
    acts.push((JSON.parse(init.body) as { kind: string }).kind)
    return Promise.resolve(Response.json(answer.status === 200 ? { id: 'a', seq: 1, line: 'L' } : { code: answer.code, detail: 'no' }, { status: answer.status }))
  })
  desk = new DeskSession('S')
  desk.attached$.next({ type: 'souffleur.attached', session_id: 'S', participant: ME, name: 'Gem', place: '', head: 1, cast: [] } satisfies Attached)
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('drafts of several operators', () => {
  it("asks for nothing and says whose it is while somebody else's claim stands", async () => {
    shown(held({ claimed_by: 'local:dora', claimed_by_name: 'Dora' }))
    await approve(desk)
    decide(desk, 'edit')
    await settled()
    expect(acts).toEqual([])
    expect(words()).toEqual([
      ['others_claim', 'Dora'],
      ['others_claim', 'Dora'],
    ])
  })

  it('claims while one decides, and gives the draft back when one leaves, even before the claim was answered', async () => {
    shown(held())
    decide(desk, 'edit')
    leave(desk, 'L')
    await settled()
    expect(acts).toEqual(['claim', 'unclaim'])
    expect(desk.stand.at.deciding).toBe('choose')
  })

  it('closes the editor when the claim was refused, and names who was quicker', async () => {
    answer = { status: 409, code: 'conflict' }
    shown(held())
    decide(desk, 'edit')
    shown(held({ claimed_by: 'local:dora', claimed_by_name: 'Dora' }))
    await settled()
    expect(desk.stand.at.deciding).toBe('choose')
    expect(words()).toEqual([['others_claim', 'Dora']])
  })

  it('renews its claim while a hand is on the draft, no sooner than need be', async () => {
    shown(held())
    decide(desk, 'edit')
    await settled()
    shown(held({ claimed_by: ME, claim_lapses_at_ms: 1_060_000 }))
    desk.keep('L')
    await vi.advanceTimersByTimeAsync(10_000)
    desk.keep('L')
    expect(acts).toEqual(['claim'])
    await vi.advanceTimersByTimeAsync(10_000)
    desk.keep('L')
    desk.keep('L')
    await settled()
    expect(acts).toEqual(['claim', 'claim'])
  })

  it('claims a lapsed draft again when the hand comes back, and leaves one that somebody else has taken', async () => {
    shown(held())
    decide(desk, 'edit')
    await vi.advanceTimersByTimeAsync(70_000)
    shown(held())
    desk.keep('L')
    await settled()
    expect(acts).toEqual(['claim', 'claim'])
    await vi.advanceTimersByTimeAsync(70_000)
    shown(held({ claimed_by: 'local:dora', claimed_by_name: 'Dora', claim_lapses_at_ms: 1_200_000 }))
    desk.keep('L')
    await settled()
    expect(acts).toEqual(['claim', 'claim'])
  })

  it('gives nothing back of what is decided on or taken by somebody else meanwhile', async () => {
    for (const then of [[], [held({ queued: true })], [held({ claimed_by: 'local:dora' })]]) {
      shown(held())
      decide(desk, 'reject')
      await settled()
      shown(...then)
      leave(desk, 'L')
      await settled()
    }
    expect(acts).toEqual(['claim', 'claim', 'claim'])
  })

  it('says that a draft is decided on when it is gone', async () => {
    answer = { status: 409, code: 'conflict' }
    shown(held())
    const approved = approve(desk)
    shown()
    expect(await approved).toBe(false)
    expect(words()).toEqual([['decided_already', '']])
  })

  it('keeps what is written on a draft until the decision stands, and decides once', async () => {
    shown(held())
    for (const [deciding, decision] of [
      ['edit', () => approve(desk, held(), 'Mine.')],
      ['reject', () => reject(desk, 'L', 'Too loud.')],
    ] as const) {
      decide(desk, deciding)
      await settled()
      answer = { status: 409, code: 'conflict' }
      expect(await decision()).toBe(false)
      expect(desk.stand.at).toMatchObject({ held: 'L', deciding })
      answer = { status: 200, code: '' }
      acts = []
      expect(await Promise.all([decision(), decision()])).toEqual([true, false])
      expect(acts).toHaveLength(1)
      expect(desk.stand.at).toMatchObject({ held: '', deciding: 'choose' })
    }
  })

  it('leaves the hand where it has gone while the decision was on its way', async () => {
    shown(held(), held({ line: 'M' }))
    decide(desk, 'reject', held())
    await settled()
    const rejected = reject(desk, 'L', '')
    decide(desk, 'edit', held({ line: 'M' }))
    expect(await rejected).toBe(true)
    expect(desk.stand.at).toMatchObject({ held: 'M', deciding: 'edit' })
  })
})
