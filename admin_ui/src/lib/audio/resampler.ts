/** Streaming sample-rate conversion by windowed sinc, for microphones whose context does not run at the wire's rate. */

/** Zero crossings on each side of the kernel; 16 keeps speech clean up to about 95 % of the lower Nyquist limit. */
const HALF_WIDTH = 16
/** Kernel table steps per zero crossing; between steps the table is interpolated linearly. */
const STEPS = 256

/** Converts a stream block by block; the output does not depend on how the input was cut into blocks. */
export class Resampler {
  private readonly ratio: number
  private readonly scale: number
  private readonly reach: number
  private readonly kernel: Float32Array
  private history: Float32Array
  /** Position of the next output sample, in input samples from the start of `history`. */
  private position: number

  constructor(from: number, to: number) {
    if (!(from > 0 && to > 0)) throw new RangeError('sample rates must be positive')
    this.ratio = from / to
    this.scale = Math.min(1, to / from)
    this.reach = Math.ceil(HALF_WIDTH / this.scale)
    this.kernel = sincTable()
    this.history = new Float32Array(this.reach)
    this.position = this.reach
  }

  /** Convert the next block; the tail that still needs following samples is kept for the next call. */
  process(input: Float32Array): Float32Array {
    if (this.ratio === 1) return input.slice()
    const data = new Float32Array(this.history.length + input.length)
    data.set(this.history)
    data.set(input, this.history.length)
    const out: number[] = []
    while (this.position + this.reach < data.length) {
      out.push(this.at(data, this.position))
      this.position += this.ratio
    }
    const keep = Math.max(0, Math.floor(this.position) - this.reach)
    this.history = data.slice(keep)
    this.position -= keep
    return Float32Array.from(out)
  }

  private at(data: Float32Array, position: number): number {
    const first = Math.max(0, Math.ceil(position - this.reach))
    const last = Math.min(data.length - 1, Math.floor(position + this.reach))
    let sum = 0
    for (let i = first; i <= last; i++) {
      const x = Math.abs(i - position) * this.scale * STEPS
      const step = Math.floor(x)
      const low = this.kernel[step] ?? 0
      const high = this.kernel[step + 1] ?? 0
      sum += (data[i] ?? 0) * (low + (high - low) * (x - step))
    }
    return sum * this.scale
  }
}

function sincTable(): Float32Array {
  const table = new Float32Array(HALF_WIDTH * STEPS + 2)
  for (let i = 0; i < HALF_WIDTH * STEPS; i++) {
    const x = i / STEPS
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
    const window = 0.42 + 0.5 * Math.cos((Math.PI * x) / HALF_WIDTH) + 0.08 * Math.cos((2 * Math.PI * x) / HALF_WIDTH)
    table[i] = sinc * window
  }
  return table
}
