import { describe, expect, it } from 'vitest'

import { rms } from '@/lib/audio/pcm'
import { Resampler } from '@/lib/audio/resampler'

function tone(frequency: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate))
}

function inBlocks(resampler: Resampler, input: Float32Array, block: number): Float32Array {
  const parts: number[] = []
  for (let at = 0; at < input.length; at += block) parts.push(...resampler.process(input.subarray(at, at + block)))
  return Float32Array.from(parts)
}

describe('Resampler', () => {
  it.each([48_000, 44_100, 16_000, 96_000])('keeps a tone of speech at full level from %i Hz', (rate) => {
    const out = inBlocks(new Resampler(rate, 24_000), tone(1000, rate, 0.5), 128)
    const middle = out.subarray(2000, out.length - 2000)
    expect(rms(middle)).toBeCloseTo(Math.SQRT1_2, 2)
    expect(out.length).toBeGreaterThan(24_000 * 0.5 - 100)
  })

  it('is the tone itself, not only as loud', () => {
    const out = inBlocks(new Resampler(48_000, 24_000), tone(1000, 48_000, 0.2), 128)
    const error = out.subarray(500, 4000).map((sample, i) => sample - Math.sin((2 * Math.PI * 1000 * (i + 500)) / 24_000))
    expect(rms(error)).toBeLessThan(0.001)
  })

  it('removes what would fold back into speech', () => {
    const out = inBlocks(new Resampler(48_000, 24_000), tone(16_000, 48_000, 0.3), 128)
    expect(rms(out.subarray(500, out.length - 500))).toBeLessThan(0.003)
  })

  it('does not depend on how the input was cut', () => {
    const input = tone(440, 44_100, 0.1)
    const whole = new Resampler(44_100, 24_000).process(input)
    const cut = inBlocks(new Resampler(44_100, 24_000), input, 77)
    expect(cut.length).toBe(whole.length)
    cut.forEach((sample, i) => expect(sample).toBeCloseTo(whole[i] ?? Number.NaN, 5))
  })

  it('hands samples through at the same rate', () => {
    expect([...new Resampler(24_000, 24_000).process(Float32Array.of(0.1, 0.2))]).toEqual([Math.fround(0.1), Math.fround(0.2)])
  })
})
