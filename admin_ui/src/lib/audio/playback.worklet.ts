/** The loudspeaker's end: runs the playback queue on the audio thread and reports what was really output. */
import type { PlayerCommand, PlayerReport } from '@/lib/audio/messages'
import { msToSamples, rms, toFloat } from '@/lib/audio/pcm'
import { PlaybackQueue } from '@/lib/audio/playbackQueue'

/** Blocks of 128 samples between two reports while something sounds: about 21 ms. */
const REPORT_BLOCKS = 4
/** Quieter than this is silence: below half a step of PCM16. */
const SILENCE = 1 / 65_536

class Loudspeaker extends AudioWorkletProcessor {
  private readonly queue = new PlaybackQueue({ jitter: msToSamples(50), patience: msToSamples(80), fade: msToSamples(5) })
  private blocks = 0
  private level = 0
  private soundedAt = 0
  private idle = true

  constructor() {
    super()
    this.port.onmessage = (message: MessageEvent<PlayerCommand>) => this.obey(message.data)
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const block = outputs[0]?.[0]
    if (block === undefined) return true
    this.queue.pull(block)
    const level = rms(block)
    if (level > SILENCE) this.soundedAt = Date.now()
    this.level = Math.max(this.level, level)
    this.report()
    return true
  }

  private obey(command: PlayerCommand): void {
    if (command.type === 'push') this.queue.push(command.line, command.at, toFloat(new Int16Array(command.pcm)))
    else if (command.type === 'finish') this.queue.finish(command.line)
    else if (command.type === 'pause') this.queue.pause(command.line)
    else if (command.type === 'resume') this.queue.resume(command.line)
    else this.queue.flush(command.line)
  }

  private report(): void {
    this.blocks += 1
    const events = this.queue.takeEvents()
    const sounding = this.level > SILENCE
    const due = this.blocks >= REPORT_BLOCKS && (sounding || !this.idle)
    if (events.length === 0 && !due) return
    const report: PlayerReport = { events, position: this.queue.position(), level: this.level, soundedAt: this.soundedAt, busy: this.queue.busy }
    this.port.postMessage(report)
    this.idle = !sounding
    this.blocks = 0
    this.level = 0
  }
}

registerProcessor('souffleur-playback', Loudspeaker)
