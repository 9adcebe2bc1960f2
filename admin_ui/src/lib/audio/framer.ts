/** Cuts a stream of samples into frames of one size. */

export class Framer {
  private held: Float32Array
  private filled = 0

  /** `size` in samples. */
  constructor(private readonly size: number) {
    this.held = new Float32Array(size)
  }

  /** Add samples; returns the frames that became whole. */
  push(samples: Float32Array): Float32Array[] {
    const frames: Float32Array[] = []
    let read = 0
    while (read < samples.length) {
      const take = Math.min(this.size - this.filled, samples.length - read)
      this.held.set(samples.subarray(read, read + take), this.filled)
      this.filled += take
      read += take
      if (this.filled === this.size) {
        frames.push(this.held)
        this.held = new Float32Array(this.size)
        this.filled = 0
      }
    }
    return frames
  }
}
