import { describe, expect, it } from 'vitest'

import { Framer } from '@/lib/audio/framer'
import { meter, msToSamples, rms, samplesToMs, toFloat, toPcm16 } from '@/lib/audio/pcm'

describe('pcm', () => {
  it('clamps what is too loud instead of wrapping it', () => {
    expect([...toPcm16(Float32Array.of(2, -2, 0, 1, -1))]).toEqual([32767, -32768, 0, 32767, -32768])
  })

  it('comes back within one step', () => {
    const there = toFloat(toPcm16(Float32Array.of(0.5, -0.25, 0.001)))
    ;[0.5, -0.25, 0.001].forEach((value, i) => expect(Math.abs((there[i] ?? 9) - value)).toBeLessThan(1 / 32768))
  })

  it('counts 24 samples a millisecond', () => {
    expect(samplesToMs(2400)).toBe(100)
    expect(msToSamples(20)).toBe(480)
  })

  it('reads silence as nothing, -6 dBFS as full and speech in between', () => {
    expect(meter(rms(new Float32Array(10)))).toBe(0)
    expect(meter(0.5012)).toBeCloseTo(1, 2)
    expect(meter(0.0316)).toBeCloseTo(30 / 54, 2)
  })

  it('cuts frames of one size and keeps the rest for the next', () => {
    const framer = new Framer(4)
    expect(framer.push(Float32Array.of(1, 2, 3))).toEqual([])
    expect(framer.push(Float32Array.of(4, 5, 6, 7, 8, 9)).map((frame) => [...frame])).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ])
  })
})
