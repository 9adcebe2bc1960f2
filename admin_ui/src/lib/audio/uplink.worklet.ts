/** The track's end: plays what the page lets out of the microphone. */
import { msToSamples, toFloat } from '@/lib/audio/pcm'
import { UplinkQueue } from '@/lib/audio/uplinkQueue'

class UplinkSource extends AudioWorkletProcessor {
  private readonly queue = new UplinkQueue(msToSamples(30), msToSamples(160))
  private running = true

  constructor() {
    super()
    this.port.onmessage = ({ data }: MessageEvent<ArrayBuffer | 'stop'>) => {
      if (data === 'stop') this.running = false
      else this.queue.push(toFloat(new Int16Array(data)))
    }
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const block = outputs[0]?.[0]
    if (block !== undefined) this.queue.pull(block)
    return this.running
  }
}

registerProcessor('souffleur-uplink', UplinkSource)
