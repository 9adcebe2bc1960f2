import { describe, expect, it } from 'vitest'

import { type Entry, merged, NO_FILTERS, queryOf } from './api'

const entry = (id: number): Entry => ({ id, at: '2026-01-01T00:00:00Z', level: 'info', service: 'stage', event: 'x', session: '', fields: {} })

describe('the log', () => {
  it('asks only for what was chosen, times in UTC', () => {
    expect(queryOf(NO_FILTERS).toString()).toBe('')
    const query = queryOf({ ...NO_FILTERS, q: ' two words ', level: 'warning', since: '2026-01-02T03:04', until: 'nonsense' })
    expect(Object.fromEntries(query)).toEqual({ q: 'two words', level: 'warning', since: new Date('2026-01-02T03:04').toISOString() })
  })

  it('shows no entry twice, the newest first', () => {
    expect(merged([entry(5), entry(4)], [entry(4), entry(3), entry(1)]).map(({ id }) => id)).toEqual([5, 4, 3, 1])
  })
})
