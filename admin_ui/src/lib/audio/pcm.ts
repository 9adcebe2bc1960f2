/** Sample arithmetic: PCM16 to float and back, levels. Everything is mono. */

/** The rate of audio on the wire in both directions, in Hz. */
export const WIRE_RATE = 24_000

/** Clamp and round floats in -1..1 to little-endian PCM16 (the byte order of every browser's Int16Array). */
export function toPcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  const out = new Int16Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const value = Math.max(-1, Math.min(1, samples[i] ?? 0))
    out[i] = Math.round(value < 0 ? value * 0x8000 : value * 0x7fff)
  }
  return out
}

/** PCM16 to floats in -1..1. */
export function toFloat(pcm: Int16Array): Float32Array {
  const out = new Float32Array(pcm.length)
  for (let i = 0; i < pcm.length; i++) out[i] = (pcm[i] ?? 0) / 0x8000
  return out
}

/** Root mean square of a block, 0..1. */
export function rms(samples: Float32Array): number {
  if (samples.length === 0) return 0
  let sum = 0
  for (const value of samples) sum += value * value
  return Math.sqrt(sum / samples.length)
}

/** A level meter's reading: -60 dBFS and below is 0, -6 dBFS and above is 1. */
export function meter(level: number): number {
  if (level <= 0) return 0
  const db = 20 * Math.log10(level)
  return Math.max(0, Math.min(1, (db + 60) / 54))
}

/** Milliseconds of `samples` on the wire. */
export function samplesToMs(samples: number): number {
  return (samples * 1000) / WIRE_RATE
}

/** Samples on the wire of `ms`, whole. */
export function msToSamples(ms: number): number {
  return Math.round((ms * WIRE_RATE) / 1000)
}
