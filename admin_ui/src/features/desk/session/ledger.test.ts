import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Problem } from '@/lib/api/client'

import type { Correction, CorrectionRow } from '../api/acts'
import { Ledger, type Wire } from './ledger'

const row = (state: CorrectionRow['state'], extra: Partial<CorrectionRow> = {}): CorrectionRow => ({ id: 'A1', session: 's', kind: 'edit', state, seq: 0, detail: '', current: '', ...extra })
const edit: Correction = { kind: 'edit', target: 4, text: 'Mine', base: 4 }

function book(answers: (CorrectionRow | Error)[]) {
  const posted: Correction[] = []
  const ids: string[] = []
  const next = () => {
    const answer = answers.shift() ?? row('applied')
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  const wire: Wire = {
    post: (id, correction) => {
      ids.push(id)
      posted.push(correction)
      return next()
    },
    look: next,
  }
  let named = 0
  const ledger = new Ledger(wire, () => `A${++named}`)
  return { ledger, posted, ids, state: () => ledger.deeds$.value.map((deed) => deed.state) }
}

describe('the ledger', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('follows an act until it is applied, also over a gateway that is away for a while', async () => {
    const { ledger, state } = book([row('pending'), row('pending'), new Problem(0, 'unreachable', ''), row('applied')])
    const sent = ledger.correct(edit)
    expect(state()).toEqual(['sending'])
    expect(await sent).toBe(true)
    expect(state()).toEqual(['pending'])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(state()).toEqual(['applied'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('shows both wordings of a conflict, and can insist on its own', async () => {
    const { ledger, posted, state } = book([row('conflicted', { current: 'Theirs' }), row('applied')])
    await ledger.correct(edit)
    const [deed] = ledger.deeds$.value
    expect(deed).toMatchObject({ state: 'conflicted', text: 'Mine', current: 'Theirs' })
    if (deed !== undefined) ledger.insist(deed)
    await vi.advanceTimersByTimeAsync(1)
    expect(posted.at(-1)).toEqual({ kind: 'edit', target: 4, text: 'Mine' })
    expect(state()).toEqual(['applied'])
  })

  it('says why an act was refused, and asks no more', async () => {
    const { ledger } = book([new Problem(403, 'forbidden', 'that is the director’s')])
    expect(await ledger.correct(edit)).toBe(false)
    expect(ledger.deeds$.value).toMatchObject([{ state: 'refused', detail: 'that is the director’s' }])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('tells again under the same id what nobody answered, so that it stands once', async () => {
    const lost = new Problem(0, 'unreachable', '')
    const { ledger, posted, ids, state } = book([lost, row('pending'), row('applied')])
    const sent = ledger.correct(edit)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await sent).toBe(true)
    expect(ids).toEqual(['A1', 'A1'])
    expect(posted[1]).toEqual(edit)
    expect(state()).toEqual(['applied'])
  })

  it('keeps the id when the director says again what was refused, by the button or in the field', async () => {
    const lost = () => new Problem(0, 'unreachable', '')
    const { ledger, ids, state } = book([lost(), lost(), lost(), lost(), lost(), lost(), row('applied')])
    const sent = ledger.correct(edit)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await sent).toBe(false)
    expect(state()).toEqual(['refused'])
    const [deed] = ledger.deeds$.value
    if (deed !== undefined) ledger.insist(deed)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(state()).toEqual(['refused'])
    expect(await ledger.correct(edit)).toBe(true)
    expect(new Set(ids)).toEqual(new Set(['A1']))
    expect(state()).toEqual(['applied'])
    await ledger.correct(edit)
    expect(ids.at(-1)).toBe('A2')
  })

  it('shows every act that is still on its way, and forgets the oldest that are done', async () => {
    const waiting = Array.from({ length: 20 }, () => row('pending'))
    const { ledger } = book([row('conflicted'), ...waiting, ...Array.from({ length: 20 }, () => row('applied')), row('pending')])
    for (let target = 1; target <= 42; target += 1) await ledger.correct({ ...edit, target })
    const targets = ledger.deeds$.value.map(({ correction }) => (correction.kind === 'edit' ? correction.target : 0))
    const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => to - index)
    expect(targets).toEqual([42, ...span(34, 41), ...span(1, 21)])
    ledger.close()
  })

  it('asks no more once the desk is left, whatever was in the air', async () => {
    for (const answers of [[row('pending')], [new Problem(0, 'unreachable', '')], [row('pending'), row('pending')], [row('pending'), new Problem(0, 'unreachable', '')]]) {
      const looks = answers.length > 1
      const { ledger } = book(answers)
      void ledger.correct(edit)
      if (looks) {
        await vi.advanceTimersByTimeAsync(0)
        vi.advanceTimersByTime(150)
      }
      ledger.close()
      await vi.advanceTimersByTimeAsync(10_000)
      expect(vi.getTimerCount()).toBe(0)
      expect(answers).toEqual([])
      expect(ledger.deeds$.value[0]?.state).not.toBe('applied')
    }
  })
})
