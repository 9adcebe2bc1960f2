import { afterEach, describe, expect, it, vi } from 'vitest'

import { setPrefs } from '@/lib/prefs'

import { asOperator, operator, tidy } from './operator'

afterEach(() => {
  vi.unstubAllGlobals()
  setPrefs({ name: '', director: '' })
})

describe('who works at the desk', () => {
  it('is one id for this browser, under the name given for the desk, else the one at the table', () => {
    const { id } = operator()
    expect(id).toMatch(/^[a-z0-9]{16}$/)
    expect(operator().id).toBe(id)
    setPrefs({ name: 'Anna' })
    expect(operator().name).toBe('Anna')
    setPrefs({ director: ' Gem  the\tMaster ' })
    expect(operator()).toEqual({ id, name: 'Gem the Master' })
  })

  it('keeps a name to what the gateway takes', () => {
    expect(tidy('a\u0000b\u200d\ud800c')).toBe('abc')
    expect(Array.from(tidy('🎭'.repeat(80)))).toHaveLength(64)
    expect(tidy(' \n ')).toBe('')
  })

  it('goes with every request of the desk', async () => {
    const fetched = vi.fn<(path: string, init: RequestInit) => Promise<Response>>(() => Promise.resolve(Response.json({})))
    vi.stubGlobal('fetch', fetched)
    setPrefs({ director: 'Дора' })
    await asOperator('/api/sessions/S/acts', { method: 'POST', body: { kind: 'halt' } })
    expect(fetched.mock.calls[0]?.[1].headers).toEqual({
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'X-Souffleur-Operator': operator().id,
      'X-Souffleur-Operator-Name': encodeURIComponent('Дора'),
    })
  })
})
