import { describe, expect, it } from 'vitest'

import type { ServerEvent } from '@/lib/realtime/protocol'

import { happened, QUIET } from './live'

const draft = (index: number, text: string, state = 'preparing', line = 'L') => ({ type: 'souffleur.draft', line_id: line, utterance_id: 'u', character: 'mirelle', index, text, emotion: 'joy', intensity: 0.5, manner: 'plain', state }) as ServerEvent
const after = (...events: ServerEvent[]) => events.reduce(happened, QUIET)
const fact = (kind: string, body: object, id = '') => ({ type: 'souffleur.fact', fact: { seq: 1, kind, at: '', by: { role: '', id, name: '' }, place: '', body } }) as ServerEvent

describe('what is no fact yet', () => {
  it('shows who speaks, and what has been understood so far', () => {
    const speaking = after({ type: 'souffleur.speech', participant: 'p', speaking: true }, { type: 'souffleur.partial', utterance_id: 'u', participant: 'p', text: 'Good eve' }).speaking
    expect([...speaking]).toEqual([['p', 'Good eve']])
  })

  it('stops when they stop, or when their words stand in the transcript', () => {
    const begun: ServerEvent = { type: 'souffleur.speech', participant: 'p', speaking: true }
    expect(after(begun, { type: 'souffleur.speech', participant: 'p', speaking: false }).speaking.size).toBe(0)
    expect(after(begun, fact('said', { utterance: 'u', text: 'x' }, 'p')).speaking.size).toBe(0)
  })

  it('gathers the sentences of a prepared reply, until it is a line or is dropped', () => {
    const two = after(draft(0, 'One.'), draft(1, 'Two.'))
    expect(two.speculations).toMatchObject([{ line: 'L', sentences: [{ text: 'One.' }, { text: 'Two.' }] }])
    expect(happened(two, draft(0, 'Other.')).speculations[0]?.sentences).toMatchObject([{ text: 'Other.' }])
    expect(happened(two, draft(0, '', 'promoted')).speculations).toHaveLength(1)
    expect(happened(two, fact('line_opened', { line: 'L' })).speculations).toEqual([])
    expect(happened(two, draft(0, '', 'dropped')).speculations).toEqual([])
  })
})
