/** The microphone's end: brings samples to the wire's rate and posts them in frames. */
import type { CapturedFrame } from '@/lib/audio/messages'
import { Framer } from '@/lib/audio/framer'
import { msToSamples, rms, toPcm16, WIRE_RATE } from '@/lib/audio/pcm'
import { Resampler } from '@/lib/audio/resampler'

/** Short enough for barge-in, long enough not to flood the page with messages. */
const FRAME_MS = 20

class Microphone extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, WIRE_RATE)
  private readonly framer = new Framer(msToSamples(FRAME_MS))
  private running = true

  constructor() {
    super()
    this.port.onmessage = () => {
      this.running = false
    }
  }

  override process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0] ?? []
    const first = channels[0]
    if (first === undefined) return this.running
    for (const frame of this.framer.push(this.resampler.process(first))) {
      const captured: CapturedFrame = { pcm: toPcm16(frame).buffer, level: rms(frame), at: Date.now() }
      this.port.postMessage(captured, [captured.pcm])
    }
    return this.running
  }
}

registerProcessor('souffleur-capture', Microphone)
