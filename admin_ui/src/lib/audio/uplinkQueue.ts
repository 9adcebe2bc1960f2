/** The queue before a track: the page's frames come when its thread has time, the track wants samples all the time. Pure; in samples. */

export class UplinkQueue {
  private chunks: Float32Array[] = []
  private waiting = 0
  private flowing = false

  /** Starts with `lead` samples in hand; beyond `most` the oldest are dropped, since they would only delay the rest. */
  constructor(
    private readonly lead: number,
    private readonly most: number,
  ) {}

  push(samples: Float32Array): void {
    this.chunks.push(samples)
    this.waiting += samples.length
    while (this.waiting > this.most) this.waiting -= this.chunks.shift()?.length ?? this.waiting
  }

  /** Fill `out`; silence where nothing is there. */
  pull(out: Float32Array): void {
    out.fill(0)
    if (!this.flowing && this.waiting < this.lead) return
    this.flowing = true
    let filled = 0
    for (let head = this.chunks[0]; head !== undefined && filled < out.length; head = this.chunks[0]) {
      const part = head.subarray(0, out.length - filled)
      out.set(part, filled)
      filled += part.length
      if (part.length === head.length) this.chunks.shift()
      else this.chunks[0] = head.subarray(part.length)
    }
    this.waiting -= filled
    if (filled < out.length) this.flowing = false
  }
}
