import { describe, expect, it } from 'vitest'

import { caption, SILENCE } from './captions'
import { EchoGuard, GUARD_MS } from './echoGuard'
import { Gate, type GateInputs } from './gate'
import { segmentsOf, totalMs } from './latency'
import { Ring } from './ring'

const FREE: GateInputs = { mode: 'hands-free', held: false, muted: false, tableTalk: false, guarded: false }

describe('the gate', () => {
  it('lets the voice through hands-free, and closes with silence before it sends nothing', () => {
    const gate = new Gate()
    expect(gate.decide(FREE, 0)).toBe('voice')
    for (const shut of [{ muted: true }, { tableTalk: true }, { guarded: true }]) {
      expect(gate.decide({ ...FREE, ...shut }, 20)).toBe('silence')
      expect(gate.decide({ ...FREE, ...shut }, 1600)).toBe('nothing')
    }
    expect(gate.decide(FREE, 1620)).toBe('voice')
  })

  it('sends nothing at all where the voice was never let through', () => {
    expect(new Gate().decide({ ...FREE, muted: true }, 10)).toBe('nothing')
  })

  it('sends in push mode exactly while the key is held, echo guard or not, and never during table talk', () => {
    const gate = new Gate()
    const push: GateInputs = { ...FREE, mode: 'push', guarded: true }
    expect(gate.decide(push, 0)).toBe('nothing')
    expect(gate.decide({ ...push, held: true }, 20)).toBe('voice')
    expect(gate.decide({ ...push, held: true, tableTalk: true }, 40)).toBe('nothing')
    expect(gate.decide(push, 60)).toBe('nothing')
  })
})

describe('the echo guard', () => {
  const sound = (guard: EchoGuard, from: number, to: number) => {
    for (let at = from; at <= to; at += 20) guard.sounded(at)
  }

  it('is shut while a character sounds for the first three seconds, and open ever after', () => {
    const guard = new EchoGuard()
    expect(guard.shut(0)).toBe(false)
    sound(guard, 1000, 2000)
    expect(guard.shut(2000)).toBe(true)
    sound(guard, 2020, 1000 + GUARD_MS + 20)
    expect(guard.shut(1000 + GUARD_MS + 20)).toBe(false)
    sound(guard, 10_000, 10_500)
    expect(guard.shut(10_500)).toBe(false)
  })

  it('opens between lines and counts only sound, not the pause between', () => {
    const guard = new EchoGuard()
    sound(guard, 0, 1000)
    expect(guard.shut(1200)).toBe(true)
    expect(guard.shut(1300)).toBe(false)
    sound(guard, 60_000, 61_000)
    expect(guard.shut(61_000)).toBe(true)
  })

  it('learns again with another microphone', () => {
    const guard = new EchoGuard()
    sound(guard, 0, 4000)
    guard.reset()
    sound(guard, 5000, 5100)
    expect(guard.shut(5100)).toBe(true)
  })
})

describe('latency', () => {
  it('lays the parts end to end and counts the first token once', () => {
    const times = { end_of_turn_delay: 500, stt_final_delay: 80, llm_ttft: 30, first_sentence: 70, tts_ttfa: 40, e2e: 720 }
    expect(segmentsOf(times)).toEqual([
      { part: 'waiting', ms: 500 },
      { part: 'hearing', ms: 80 },
      { part: 'thinking', ms: 30 },
      { part: 'phrasing', ms: 40 },
      { part: 'voicing', ms: 40 },
      { part: 'rest', ms: 30 },
    ])
    expect(totalMs(times)).toBe(720)
  })

  it('shows a speculated turn, whose parts overlap, without negative rest', () => {
    const times = { end_of_turn_delay: 500, llm_ttft: 300, first_sentence: 200, e2e: 550 }
    expect(segmentsOf(times).map((segment) => segment.part)).toEqual(['waiting', 'thinking'])
    expect(totalMs({ llm_ttft: 10, tts_ttfa: 5 })).toBe(15)
  })
})

describe('captions', () => {
  const partial = { type: 'souffleur.partial', utterance_id: 'U', participant: 'p-1', text: 'good eve' } as const

  it('shows partials of whoever speaks and keeps the final', () => {
    const speaking = caption(SILENCE, { type: 'souffleur.speech', participant: 'p-1', speaking: true }, 'p-1')
    expect(speaking.speaking.has('p-1')).toBe(true)
    const half = caption(speaking, partial, 'p-1')
    expect(half.shown).toEqual({ kind: 'words', participant: 'p-1', text: 'good eve', final: false })
    const said = caption(half, { type: 'souffleur.said', item_id: 'i', participant: 'p-1', name: 'Anna', text: 'Good evening', seq: 4 }, 'p-1')
    expect(said.shown).toMatchObject({ text: 'Good evening', final: true })
  })

  it('goes back to the line when a cough ends', () => {
    const line = caption(SILENCE, { type: 'souffleur.audio', line_id: 'L', item_id: 'item_L', seq: 6, offset_ms: 0 }, 'p-1')
    const cough = caption(line, { type: 'input_audio_buffer.speech_started', item_id: 'i' }, 'p-1')
    expect(cough.shown.kind).toBe('words')
    expect(caption(cough, { type: 'souffleur.resume', line_id: 'L' }, 'p-1').shown).toEqual({ kind: 'line', line: 'L' })
  })

  it('does not change for what it does not show', () => {
    expect(caption(SILENCE, { ...partial, text: '' }, 'p-1')).toBe(SILENCE)
    expect(caption(SILENCE, { type: 'response.done', response: { id: 'resp_L' } }, 'p-1')).toBe(SILENCE)
  })
})

describe('the ring', () => {
  it('keeps the last ones in order', () => {
    const ring = new Ring<number>(3)
    for (let i = 0; i < 20; i++) ring.push(i)
    expect(ring.all()).toEqual([17, 18, 19])
  })
})
