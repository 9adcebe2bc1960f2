import { describe, expect, it } from 'vitest'

import type { Fact } from '@/lib/transcript/fact'
import { advance, fold } from '@/lib/transcript/fold'
import type { LineEntry, SaidEntry } from '@/lib/transcript/view'

let last = 0
function fact(kind: string, body: object, by = { role: 'stage', id: '', name: '' }, seq = last + 1): Fact {
  last = seq
  return { seq, kind, at: '2026-01-01T00:00:00Z', by, place: '', body } as Fact
}

const ANNA = { role: 'player', id: 'p-1', name: 'Anna' }

function sentence(text: string, index = 0, attempt = 1): Fact {
  return fact('sentence', { line: 'L', attempt, index, text, tagged: text, emotion: 'joy', intensity: 0.7, manner: 'plain', engine: 'understudy' })
}

/** Scene, character, player, a question (4) and an open line (5). */
function opening(): Fact[] {
  last = 0
  return [
    fact('scene_set', { heading: 'INT. TAVERN', description: 'Rain.', title: 'First night', mode: 'auto' }),
    fact('joined', { member: 'mirelle', role: 'character', name: 'Mirelle', card: { extensions: { souffleur: { color: '#b5651d', language: 'en' } } } }),
    fact('joined', { member: 'p-1', role: 'player', name: 'Anna', card: {} }),
    fact('said', { utterance: 'U1', text: 'Good evening', source: 'voice' }, ANNA),
    fact('line_opened', { line: 'L', character: 'mirelle', turn: 4, base_seq: 4, attempt: 1, mode: 'auto' }),
  ]
}

function lineOf(facts: Fact[]): LineEntry {
  const entry = fold(facts).view.entries.find((candidate) => candidate.type === 'line')
  if (entry?.type !== 'line') throw new Error('no line')
  return entry
}

describe('fold', () => {
  it('makes a scene, a roll-call, what was said and a line, with names', () => {
    const { view } = fold([...opening(), sentence('Well met.')])
    expect(view.title).toBe('First night')
    expect(view.members.get('mirelle')).toMatchObject({ name: 'Mirelle', color: '#b5651d', present: true })
    expect(view.entries.map((entry) => entry.type)).toEqual(['scene', 'roll-call', 'roll-call', 'said', 'line'])
    expect(view.entries[3]).toMatchObject({ name: 'Anna', text: 'Good evening' })
    expect(view.entries[4]).toMatchObject({ name: 'Mirelle', state: 'speaking' })
    expect(view.openLine).toBe('L')
  })

  it('shows that nobody answers only to whoever is told why', () => {
    const [, , , said] = opening()
    if (said === undefined) throw new Error('nothing said')
    const types = (body: object) => fold([said, fact('passed', { turn: 4, ...body }, undefined, 5)]).view.entries.map((entry) => entry.type)
    expect(types({ reason: 'muted' })).toEqual(['said', 'passed'])
    expect(types({})).toEqual(['said'])
  })

  it('knows of a line that is spoken on when another one ends', () => {
    const line = (name: string, extra: object = {}) => fact('line_opened', { line: name, character: 'mirelle', turn: 4, ...extra })
    const facts = [...opening(), line('M'), line('H', { mode: 'approve' })]
    expect(fold(facts).view.openLine).toBe('M')
    const over = [...facts, fact('line_closed', { line: 'M', state: 'heard' })]
    expect(fold(over).view.openLine).toBe('L')
    expect(fold([...over, fact('line_closed', { line: 'L', state: 'heard' })]).view.openLine).toBeNull()
  })

  it('knows how much of each sentence was heard when a line is cut, in code points', () => {
    const facts = [...opening(), sentence('One.'), sentence('😀 two three', 1), sentence('Four.', 2)]
    const line = lineOf([...facts, fact('line_closed', { line: 'L', state: 'cut', last_seq: 7, offset: 5, basis: 'reported' })])
    expect(line.state).toBe('cut')
    expect(line.sentences.map((item) => item.heard)).toEqual([4, 5, 0])
  })

  it('closes a line whose audio never played with nothing heard', () => {
    const line = lineOf([...opening(), sentence('One.'), fact('line_closed', { line: 'L', state: 'aborted', last_seq: 0, offset: 0 })])
    expect(line.sentences.map((item) => item.heard)).toEqual([0])
  })

  it('drops the sentences of older attempts', () => {
    const facts = [...opening(), sentence('Old.'), fact('line_opened', { line: 'L', character: 'mirelle', turn: 4, attempt: 2 }), sentence('New.', 0, 2), sentence('Late.', 1, 1)]
    expect(lineOf(facts).sentences.map((item) => item.text)).toEqual(['New.'])
    expect(fold(facts).view.entries.filter((entry) => entry.type === 'line')).toHaveLength(1)
  })

  it('rewords what was corrected and keeps the share that was heard', () => {
    const facts = [...opening(), sentence('abcdefghij'), fact('line_closed', { line: 'L', state: 'cut', last_seq: 6, offset: 5 })]
    const line = lineOf([...facts, fact('corrected', { target: 6, text: 'abcdefghijklmnopqrst', emotion: 'anger' })])
    expect(line.sentences[0]).toMatchObject({ text: 'abcdefghijklmnopqrst', heard: 10, emotion: 'anger', edited: true })
    const said = fold([...facts, fact('corrected', { target: 4, text: 'Good night' })]).view.entries.find((entry) => entry.type === 'said') as SaidEntry
    expect(said).toMatchObject({ text: 'Good night', edited: true })
  })

  it('rewords a scene, its heading on the first line, and strikes it', () => {
    const facts = opening()
    expect(fold(facts).view.entries[0]).toMatchObject({ touched: 1, struck: false, edited: false })
    facts.push(fact('corrected', { target: 1, text: 'EXT. YARD\nSnow.\n\nWind.' }))
    expect(fold(facts).view.entries[0]).toEqual({ type: 'scene', seq: 1, heading: 'EXT. YARD', description: 'Snow.\n\nWind.', struck: false, edited: true, touched: 6 })
    facts.push(fact('corrected', { target: 1, text: '\nSnow.' }), fact('corrected', { target: 1, text: 'EXT. YARD' }), fact('struck', { targets: [1] }))
    expect(fold(facts.slice(0, 7)).view.entries[0]).toMatchObject({ heading: '', description: 'Snow.' })
    expect(fold(facts).view.entries[0]).toMatchObject({ heading: 'EXT. YARD', description: '', struck: true, touched: 9 })
  })

  it('strikes what was said, one sentence, or a whole line', () => {
    const facts = [...opening(), sentence('One.'), sentence('Two.', 1)]
    expect(fold([...facts, fact('struck', { targets: [4] })]).view.entries[3]).toMatchObject({ struck: true })
    last = 7
    expect(lineOf([...facts, fact('struck', { targets: [7] })]).sentences.map((item) => item.struck)).toEqual([false, true])
    last = 7
    expect(lineOf([...facts, fact('struck', { targets: [5] })]).sentences.map((item) => item.struck)).toEqual([true, true])
  })

  it('takes back everything between a retcon and what it names, and nothing after', () => {
    const facts = [...opening(), sentence('One.'), fact('retconned', { to: 3 }), fact('said', { utterance: 'U2', text: 'Again' }, ANNA)]
    const { view } = fold(facts)
    expect(view.entries.map((entry) => entry.type)).toEqual(['scene', 'roll-call', 'roll-call', 'said'])
    expect(view.entries.at(-1)).toMatchObject({ text: 'Again' })
    expect(view.openLine).toBeNull()
  })

  it('gives back what a strike or a retcon took, when that is struck itself, and takes it again when the taking back is', () => {
    for (const [kind, body] of [
      ['struck', { targets: [4, 6] }],
      ['retconned', { to: 3 }],
    ] as const) {
      const before = [...opening(), sentence('One.'), sentence('Two.', 1)]
      const gone = [...before, fact(kind, body)]
      const back = [...gone, fact('struck', { targets: [8] })]
      expect(fold(back).view).toEqual({ ...fold(before).view, seq: 9 })
      const again = [...back, fact('struck', { targets: [9] })]
      expect(fold(again).view).toEqual({ ...fold(gone).view, seq: 10 })
      const last = [...again, fact('struck', { targets: [10] }), fact('corrected', { target: 4, text: 'Good night' })]
      expect(fold(last).view.entries.find((entry) => entry.type === 'said')).toMatchObject({ text: 'Good night', struck: false, touched: 12 })
    }
  })

  it('leaves another strike of the same words standing', () => {
    const facts = [...opening(), fact('struck', { targets: [4] }), fact('struck', { targets: [4] }), fact('struck', { targets: [6] })]
    expect(fold(facts).view.entries[3]).toMatchObject({ struck: true, touched: 7 })
  })

  it('forgets erased facts', () => {
    const facts = [...opening(), sentence('One.'), sentence('Two.', 1), fact('erased', { seqs: [4, 6] })]
    const { view } = fold(facts)
    expect(view.entries.some((entry) => entry.type === 'said')).toBe(false)
    expect(lineOf(facts).sentences.map((item) => item.text)).toEqual(['Two.'])
  })

  it('counts a fact that comes twice once, and survives kinds it does not know', () => {
    const facts = [...opening(), fact('invented_later', { anything: true })]
    const twice = facts.reduce(advance, fold(facts))
    expect(twice).toEqual(fold(facts))
    expect(twice.view.seq).toBe(6)
  })

  it('does not announce a member again that is already there, and does when it comes back', () => {
    const again = fold([...opening(), fact('joined', { member: 'p-1', role: 'player', name: 'Anya' })]).view
    expect(again.entries.filter((entry) => entry.type === 'roll-call')).toHaveLength(2)
    expect(again.members.get('p-1')?.name).toBe('Anya')
    const back = fold([...opening(), fact('left', { member: 'p-1' }), fact('joined', { member: 'p-1', role: 'player', name: 'Anna' })]).view
    expect(back.entries.filter((entry) => entry.type === 'roll-call').map((entry) => entry.entered)).toEqual([true, true, false, true])
  })

  it('takes back what is over when an engine is there again, and shows the next outage anew', () => {
    const step = (from_engine: string, to_engine: string, reason = 'timeout', part = 'llm') => fact('degraded', { part, from_engine, to_engine, reason })
    const facts = [...opening(), step('voice', 'text', 'unavailable', 'tts'), step('a', 'b'), step('b', 'c'), step('c', 'b', 'recovered'), step('b', 'a', 'recovered'), step('a', 'b')]
    const shown = fold(facts).view.entries.filter((entry) => entry.type === 'degraded')
    expect(shown.map((entry) => entry.over)).toEqual([false, true, true, false, false, false])
    expect(shown.map((entry) => entry.recovered)).toEqual([false, false, false, true, true, false])
    const whole = fold([...opening(), step('a', 'b'), step('b', 'c'), step('c', 'a', 'recovered')]).view.entries.slice(-3)
    expect(whole).toMatchObject([{ over: true }, { over: true }, { over: false, recovered: true }])
  })

  it('shows degradation, dice, notes and withdrawn notes', () => {
    const facts = [...opening(), fact('degraded', { part: 'llm', from_engine: 'openai', to_engine: 'understudy', reason: 'timeout' }), fact('rolled', { expression: '2d6', total: 9, dice: [4, 5] }, ANNA), fact('noted', { text: 'Be curt', character: 'mirelle' })]
    const view = fold([...facts, fact('noted', { text: '', removes: 8 })]).view
    expect(view.entries.slice(-3)).toMatchObject([{ type: 'degraded', to: 'understudy' }, { type: 'rolled', total: 9, name: 'Anna' }, { type: 'note', character: 'Mirelle', withdrawn: true }])
  })

  it('puts what was held back and comes late where its number says, once', () => {
    const facts = [...opening(), sentence('Well met.'), fact('said', { utterance: 'U2', text: 'And you?', source: 'voice' }, ANNA), fact('line_closed', { line: 'L', state: 'heard', last_seq: 6, offset: 9 })]
    const late = [4, 5]
    const told = facts.filter((_, index) => !late.includes(index)).concat(late.flatMap((index) => facts.slice(index, index + 1)))
    expect(fold(told)).toEqual(fold(facts))
    expect(fold([...told, ...facts])).toEqual(fold(facts))
  })
})
