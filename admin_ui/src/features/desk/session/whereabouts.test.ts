import { describe, expect, it } from 'vitest'

import { EMPTY, type Member, type View } from '@/lib/transcript/view'

import { places, whereabouts } from './whereabouts'

const member = (id: string, place: string, extra: Partial<Member> = {}): [string, Member] => [id, { id, role: 'player', name: id, color: '', language: '', present: true, place, secrets: [], ...extra }]
const table = (...members: [string, Member][]): View => ({ ...EMPTY, members: new Map(members) })

describe('where the desk is', () => {
  it('stays where players are, and where nobody has come yet', () => {
    expect(whereabouts(table(), '')).toBe('')
    expect(whereabouts(table(member('mirelle', 'cellar', { role: 'character' })), '')).toBe('')
    expect(whereabouts(table(member('ann', ''), member('bob', 'cellar'), member('cleo', 'cellar')), '')).toBe('')
  })

  it('follows the players when the last of them has gone', () => {
    expect(whereabouts(table(member('ann', 'attic'), member('bob', 'cellar'), member('cleo', 'cellar')), '')).toBe('cellar')
    expect(whereabouts(table(member('ann', '', { present: false }), member('bob', 'attic')), '')).toBe('attic')
  })

  it('knows every place where somebody is', () => {
    expect(places(table(member('ann', ''), member('bob', 'cellar'), member('mirelle', 'attic', { role: 'character' }), member('cleo', 'roof', { present: false })))).toEqual(['', 'cellar', 'attic'])
  })
})
