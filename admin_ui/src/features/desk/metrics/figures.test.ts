import { describe, expect, it } from 'vitest'

import type { TurnTimed } from '@/lib/realtime/protocol'
import type { Fact } from '@/lib/transcript/fact'
import { fold } from '@/lib/transcript/fold'

import { figuresOf, quantile, segmentsOf } from './figures'

let last = 0
function fact(kind: string, body: object, role = 'stage'): Fact {
  last += 1
  return { seq: last, kind, at: '2026-01-01T00:00:00Z', by: { role, id: '', name: '' }, place: '', body } as Fact
}

const MS = { end_of_turn_delay: 500, stt_final_delay: 100, llm_ttft: 200, first_sentence: 260, tts_ttfa: 90, hold_time: 1000, e2e: 2000 }

function line(name: string, closed: object): Fact[] {
  return [fact('line_opened', { line: name, character: 'mirelle', turn: 1 }), fact('sentence', { line: name, attempt: 1, index: 0, text: 'Well.' }), fact('line_closed', { line: name, state: 'heard', last_seq: last, offset: 5, ...closed })]
}

describe('the figures', () => {
  it('lay the parts of a turn end to end: the first sentence behind the first word, the rest at the end', () => {
    expect(segmentsOf(MS)).toEqual([
      { part: 'end_of_turn_delay', ms: 500 },
      { part: 'stt_final_delay', ms: 100 },
      { part: 'llm_ttft', ms: 200 },
      { part: 'first_sentence', ms: 60 },
      { part: 'tts_ttfa', ms: 90 },
      { part: 'hold_time', ms: 1000 },
      { part: 'rest', ms: 50 },
    ])
    expect(segmentsOf({})).toEqual([])
    expect(segmentsOf({ llm_ttft: 30, first_sentence: 10, e2e: 5 })).toEqual([{ part: 'llm_ttft', ms: 30 }])
  })

  it('add up tokens and cost of the lines, and count what was done', () => {
    last = 0
    const facts = [
      ...line('A', { ms: MS, tokens: [100, 20], cost: 0.01, engine: 'openai', model: 'm' }),
      ...line('B', { state: 'cut', reason: 'barge_in', ms: { ...MS, llm_ttft: 400, first_sentence: 460 }, tokens: [50, 10], cost: 0.002, engine: 'understudy' }),
      fact('degraded', { part: 'llm', from_engine: 'openai', to_engine: 'understudy', reason: 'timeout' }),
      fact('degraded', { part: 'llm', from_engine: 'understudy', to_engine: 'openai', reason: 'recovered' }),
      fact('corrected', { target: 2, text: 'Well!' }, 'director'),
      fact('noted', { text: 'Be curt' }, 'director'),
      fact('struck', { targets: [2] }, 'player'),
      fact('recommended', { recommendation: 'r1', category: 'tone', text: 'Colder' }),
      fact('recommended', { recommendation: 'r2', category: 'tone', text: 'Warmer' }),
      fact('recommendation_decided', { recommendation: 'r1', state: 'accepted' }, 'director'),
      fact('recommendation_decided', { recommendation: 'r2', state: 'rejected' }, 'director'),
    ]
    const figures = figuresOf(fold(facts))
    expect(figures).toMatchObject({ prompt: 150, completion: 30, cost: 0.012, interruptions: 1, corrections: 2, adviceTaken: 1, adviceDecided: 2, engines: ['openai · m', 'understudy'] })
    expect(figures.fallbacks).toMatchObject([{ part: 'llm', from: 'openai', to: 'understudy', reason: 'timeout' }])
    expect(figures.spreads.find((spread) => spread.part === 'llm_ttft')).toEqual({ part: 'llm_ttft', p50: 300, p95: 390, count: 2 })
    expect(figures.spreads.at(-1)?.part).toBe('total')
  })

  it('show what was told live until the line is over', () => {
    last = 0
    const open = line('A', {}).slice(0, 2)
    const turn: TurnTimed = { type: 'souffleur.turn', turn: 1, line_id: 'A', llm_engine: 'ollama', llm_model: 'q', tts_engine: 'piper', stt_engine: '', ms: { llm_ttft: 70 } }
    expect(figuresOf(fold(open), new Map([['A', turn]])).lines).toMatchObject([{ live: true, engine: 'ollama', totalMs: 70 }])
    const closed = [...open, fact('line_closed', { line: 'A', state: 'heard', last_seq: 2, offset: 5, ms: { llm_ttft: 75 }, engine: 'ollama' })]
    expect(figuresOf(fold(closed), new Map([['A', turn]])).lines).toMatchObject([{ live: false, totalMs: 75 }])
  })

  it('leave out what the director has inserted', () => {
    last = 0
    expect(figuresOf(fold([fact('inserted', { after: 0, block: 'line', text: 'Hm.', member: 'mirelle' })])).lines).toEqual([])
  })

  it('take quantiles between the two values around them', () => {
    expect([quantile([], 0.5), quantile([4], 0.95), quantile([1, 3], 0.5), quantile([5, 1, 3], 0.5)]).toEqual([0, 4, 2, 3])
  })
})
