import { describe, expect, it } from 'vitest'

import type { Fact } from '@/lib/transcript/fact'
import { fold } from '@/lib/transcript/fold'
import { notesInForce } from '@/lib/transcript/steering'
import type { Entry, LineEntry } from '@/lib/transcript/view'

const STAGE = { role: 'stage', id: '', name: '' }
const ANNA = { role: 'player', id: 'p-1', name: 'Anna' }
const GM = { role: 'director', id: 'local', name: 'Gem' }

/** Facts numbered from 1. */
function played(...told: [kind: string, body: object, by?: typeof STAGE][]): Fact[] {
  return told.map(([kind, body, by = STAGE], index) => ({ seq: index + 1, kind, at: '', by, place: '', body }) as Fact)
}

const cast: [string, object][] = [
  ['joined', { member: 'mirelle', role: 'character', name: 'Mirelle', card: { extensions: { souffleur: { secrets: [{ id: 's1', text: 'She forged the will.' }, 'noise'] } } } }],
  ['joined', { member: 'boris', role: 'character', name: 'Boris', card: {} }],
]
const opened = (line: string, extra: object = {}): [string, object] => ['line_opened', { line, character: 'mirelle', turn: 3, base_seq: 3, mode: 'approve', ...extra }]
const sentence = (line: string, text: string, attempt = 1): [string, object] => ['sentence', { line, attempt, index: 0, text, emotion: 'fear' }]

function line(entries: readonly Entry[], name = 'L'): LineEntry {
  const found = entries.find((entry) => entry.type === 'line' && entry.line === name)
  if (found?.type !== 'line') throw new Error('no line')
  return found
}

describe("what the desk's acts make of the screenplay", () => {
  it('holds a line until it is released, and names the director whose words replaced the draft', () => {
    const draft = played(...cast, ['said', { utterance: 'u', text: 'Who?' }, ANNA], opened('L'), sentence('L', 'A draft.'))
    expect(line(fold(draft.slice(0, 4)).view.entries)).toMatchObject({ state: 'drafting', turn: 3 })
    expect(line(fold(draft).view.entries)).toMatchObject({ state: 'held', author: '' })
    expect(fold(draft).view.openLine).toBeNull()
    const released = played(...cast, ['said', { utterance: 'u', text: 'Who?' }, ANNA], opened('L'), sentence('L', 'A draft.'), [...sentence('L', 'Better words.', 2), GM], ['released', { line: 'L' }, GM])
    expect(line(fold(released).view.entries)).toMatchObject({ state: 'queued', author: 'Gem', sentences: [{ text: 'Better words.' }] })
    expect(fold(released).view.openLine).toBe('L')
  })

  it('keeps why a line was rejected, and what a line took and cost', () => {
    const facts = played(...cast, ['said', { utterance: 'u', text: 'Who?' }, ANNA], opened('L'), ['rejected', { line: 'L', reason: 'too soft' }, GM], ['line_closed', { line: 'L', state: 'rejected', ms: { llm_ttft: 12 }, tokens: [100, 20], cost: 0.002, model: 'm' }])
    expect(line(fold(facts).view.entries)).toMatchObject({ state: 'rejected', reason: 'too soft', figures: { ms: { llm_ttft: 12 }, tokens: [100, 20], cost: 0.002, model: 'm' } })
  })

  it('puts what the director inserts behind what it names', () => {
    const { entries } = fold(played(...cast, ['said', { utterance: 'u', text: 'One' }, ANNA], ['said', { utterance: 'v', text: 'Two' }, ANNA], ['inserted', { after: 3, block: 'line', member: 'boris', text: 'Aha.' }, GM], ['inserted', { after: 0, block: 'action', text: 'Rain.' }, GM])).view
    expect(entries.map((entry) => (entry.type === 'said' ? `${entry.source}:${entry.text}` : entry.type === 'line' ? `line:${entry.name}` : entry.type))).toEqual(['roll-call', 'roll-call', 'narrated:Rain.', 'voice:One', 'line:Boris', 'voice:Two'])
  })

  it('counts a note for all until every character present has spoken under it', () => {
    const facts = played(...cast, ['noted', { text: 'Be brief', scope: 'once' }, GM], opened('L', { character: 'mirelle' }), opened('M', { character: 'boris' }))
    expect(notesInForce(fold(facts.slice(0, 4)).view)).toMatchObject([{ left: 1, note: { text: 'Be brief' } }])
    expect(notesInForce(fold(facts).view)).toEqual([])
    const late = played(...cast, ['noted', { text: 'Lie', scope: 'turns', turns: 2, character: 'mirelle' }, GM], ['noted', { text: '', removes: 3 }, GM])
    expect(notesInForce(fold(late.slice(0, 3)).view)).toMatchObject([{ left: 2 }])
    expect(notesInForce(fold(late).view)).toEqual([])
  })

  it('counts lines against accepted advice from its decision on, and lets it lapse when its time is over', () => {
    const advice: [string, object][] = [['recommended', { recommendation: 'r', category: 'plot', text: 'Ring the bell', character: 'mirelle', expires_at_ms: Date.parse('2026-01-01T01:00:00Z') }]]
    const accepted = ['recommendation_decided', { recommendation: 'r', state: 'accepted' }, GM] as [string, object, typeof GM]
    const inForce = (...later: [string, object, typeof GM?][]) => notesInForce(fold(played(...cast, ...advice, accepted, ...later)).view)
    expect(inForce(opened('L', { base_seq: 3 }))).toMatchObject([{ left: 1, note: { text: 'Ring the bell', since: 4 } }])
    expect(inForce(opened('L', { base_seq: 4 }))).toEqual([])
    const passed = (at: string) => notesInForce(fold([...played(...cast, ...advice, accepted), { seq: 5, kind: 'said', at, by: ANNA, place: '', body: { utterance: 'u', text: 'One' } }]).view)
    expect(passed('2026-01-01T00:59:59.999Z')).toHaveLength(1)
    expect(passed('2026-01-01T01:00:00Z')).toEqual([])
    const pinned = played(...cast, ...advice, ['recommendation_decided', { recommendation: 'r', state: 'pinned' }, GM])
    expect(notesInForce(fold([...pinned, { ...pinned[0], seq: 5, kind: 'silenced', at: '2027-01-01T00:00:00Z', body: { on: false } } as Fact]).view)).toHaveLength(1)
  })

  it('lets the adviser and time settle only what nobody has decided on', () => {
    const ADVISER = { role: 'adviser', id: 'adviser', name: 'Adviser' }
    const advice: [string, object] = ['recommended', { recommendation: 'r', category: 'plot', text: 'Ring the bell', character: 'mirelle' }]
    const said = (state: string, by: typeof GM): [string, object, typeof GM] => ['recommendation_decided', { recommendation: 'r', state }, by]
    const stateOf = (facts: Fact[]) => fold(facts).view.recommendations[0]?.state
    for (const late of ['expired', 'accepted']) {
      const facts = played(...cast, advice, said('pinned', GM), said(late, ADVISER))
      expect(stateOf(facts)).toBe('pinned')
      expect(notesInForce(fold(facts).view)).toMatchObject([{ left: null, note: { text: 'Ring the bell' } }])
      expect(stateOf(played(...cast, advice, said('rejected', GM), said(late, ADVISER)))).toBe('rejected')
      expect(stateOf(played(...cast, advice, said(late, ADVISER)))).toBe(late)
      expect(stateOf(played(...cast, advice, said('pinned', GM), said(late, ADVISER), ['struck', { targets: [4] }, GM]))).toBe(late)
    }
  })

  it('lets a retcon take summaries and recommendations with the facts they rest on, and leaves notes and the table standing', () => {
    const facts = played(...cast, ['said', { utterance: 'u', text: 'One' }, ANNA], ['summarized', { text: 'They met.', covers: [3] }], ['recommended', { recommendation: 'r', category: 'plot', text: 'Ring the bell', rests_on: [3] }], ['recommendation_decided', { recommendation: 'r', state: 'pinned' }, GM], ['noted', { text: 'Stay calm' }, GM])
    expect(fold(facts).view.recommendations).toMatchObject([{ state: 'pinned' }])
    expect(notesInForce(fold(facts).view).map(({ note }) => note.text)).toEqual(['Ring the bell', 'Stay calm'])
    const { view } = fold([...facts, { ...facts[0], seq: 8, kind: 'retconned', body: { to: 2 } } as Fact])
    expect(view.recommendations).toEqual([])
    expect(notesInForce(view).map(({ note }) => note.text)).toEqual(['Stay calm'])
    expect(view.entries.map((entry) => entry.type)).toEqual(['roll-call', 'roll-call', 'note'])
    const retconned = [...facts, { ...facts[0], seq: 8, kind: 'retconned', body: { to: 2 } } as Fact]
    const back = fold([...retconned, { ...facts[0], seq: 9, kind: 'struck', body: { targets: [8] } } as Fact]).view
    expect(back).toEqual({ ...fold(facts).view, seq: 9 })
    const undecided = fold([...facts, { ...facts[0], seq: 8, kind: 'struck', body: { targets: [6] } } as Fact]).view
    expect(undecided.recommendations).toMatchObject([{ state: 'proposed' }])
    expect(notesInForce(undecided).map(({ note }) => note.text)).toEqual(['Stay calm'])
    const struck = fold([...facts, { ...facts[0], seq: 8, kind: 'struck', body: { targets: [3] } } as Fact]).view
    expect(struck.recommendations).toEqual([])
    expect(struck.entries.some((entry) => entry.type === 'summary')).toBe(false)
  })

  it('knows the secrets of a card and which of them may be spoken of', () => {
    const { view } = fold(played(...cast, ['revealed', { character: 'mirelle', secret: 's1' }, GM]))
    expect(view.members.get('mirelle')?.secrets).toEqual([{ id: 's1', text: 'She forged the will.' }])
    expect(view.revealed.has('mirelle/s1')).toBe(true)
    expect(view.entries.at(-1)).toMatchObject({ type: 'revealed', text: 'She forged the will.' })
    const hidden = fold(played(...cast, ['revealed', { character: 'mirelle', secret: 's1' }, GM], ['struck', { targets: [3] }, GM])).view
    expect(hidden.revealed.size).toBe(0)
    expect(hidden.entries.some((entry) => entry.type === 'revealed')).toBe(false)
  })

  it('puts what is inserted behind one fact into the order in which it was told, as the server does', () => {
    const behind = (after: number, text: string): [string, object, typeof STAGE] => ['inserted', { after, block: 'action', text }, GM]
    const { entries } = fold(played(...cast, ['said', { utterance: 'u', text: 'One' }, ANNA], ['said', { utterance: 'v', text: 'Two' }, ANNA], behind(3, 'A'), behind(3, 'B'), behind(5, 'A1'), behind(3, 'C'), behind(5, 'A2'))).view
    expect(entries.flatMap((entry) => (entry.type === 'said' ? [entry.text] : []))).toEqual(['One', 'A', 'A1', 'A2', 'B', 'C', 'Two'])
  })

  it('remembers who touched a wording last, as the base of the next edit', () => {
    const facts = played(...cast, ['said', { utterance: 'u', text: 'Won' }, ANNA], ['corrected', { target: 3, text: 'One' }, GM])
    expect(fold(facts.slice(0, 3)).view.entries.at(-1)).toMatchObject({ touched: 3 })
    expect(fold(facts).view.entries.at(-1)).toMatchObject({ touched: 4, text: 'One', edited: true })
  })
})
