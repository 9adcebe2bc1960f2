import { describe, expect, it } from 'vitest'

import type { HeldLine } from '@/lib/realtime/protocol'
import type { LineEntry } from '@/lib/transcript/view'

import { CLEAR, lastOf, meant, modeIn, modeOf, othersClaim, platformsOf, shownState } from './states'

const held = (line: string, extra: Partial<HeldLine> = {}): HeldLine => ({ line, character: 'm', turn: 1, since_ms: 1, releases_at_ms: 0, claimed_by: '', claimed_by_name: '', claim_lapses_at_ms: 0, stale: false, complete: true, place: '', queued: false, ...extra })
const line = (state: string, sentences = 1) => ({ line: 'L', state, sentences: Array.from({ length: sentences }, (_, index) => ({ seq: 7 + index })) }) as unknown as LineEntry

describe('where a line stands', () => {
  it('is drafted until it has words, queued while the desk has it, and speaks afterwards', () => {
    expect(shownState(line('speaking', 0), [])).toBe('drafting')
    expect(shownState(line('speaking'), [])).toBe('speaking')
    expect(shownState(line('held'), [held('L')])).toBe('held')
    expect(shownState(line('queued'), [held('L', { queued: true })])).toBe('queued')
    expect(shownState(line('queued'), [])).toBe('speaking')
    expect(shownState(line('cut'), [])).toBe('cut')
  })

  it('means the chosen draft, else the newest that is not stale, never one that is released', () => {
    const all = [held('A'), held('B', { stale: true }), held('C', { queued: true })]
    expect(meant(all, 'B')?.line).toBe('B')
    expect(meant(all, '')?.line).toBe('A')
    expect(meant(all, 'C')?.line).toBe('A')
    expect(meant([held('C', { queued: true })], '')).toBeUndefined()
  })

  it("knows a character's own mode from the session's", () => {
    const desk = { ...CLEAR, mode: 'approve', modes: { 'character:m': 'auto', 'character:n': '' } }
    expect(modeOf(desk, 'm')).toEqual({ mode: 'auto', own: true })
    expect(modeOf(desk, 'n')).toEqual({ mode: 'approve', own: false })
  })

  it('knows the mode laid down for a platform, and which platforms there are', () => {
    const desk = { ...CLEAR, mode: 'approve', modes: { 'platform:page': 'approve', 'platform:discord': 'auto', 'platform:gone': '', 'character:m': 'auto' }, platforms: ['realtime', 'page'] }
    expect(platformsOf(desk)).toEqual(['page', 'api', 'realtime', 'discord'])
    expect([{}, { character: 'm' }, { character: 'n' }, { platform: 'page' }, { platform: 'api' }, { platform: 'gone' }].map((scope) => modeIn(desk, scope))).toEqual(['approve', 'auto', 'inherit', 'approve', 'inherit', 'inherit'])
    expect(modeIn(CLEAR, {})).toBe('auto')
  })

  it("tells another operator's draft from a free one and one's own", () => {
    expect([held('A'), held('A', { claimed_by: 'local:me' }), held('A', { claimed_by: 'local:other' })].map((one) => othersClaim(one, 'local:me'))).toEqual([false, false, true])
    expect(othersClaim(held('A', { claimed_by: 'local:me' }), '')).toBe(true)
  })

  it('keeps every sentence of the line that a retcon goes back to', () => {
    expect(lastOf({ seq: 5, sentences: [{ seq: 6 }, { seq: 9 }] })).toBe(9)
    expect(lastOf({ seq: 5 })).toBe(5)
  })
})
