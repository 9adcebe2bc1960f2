/** A call's track never ends; this says which of its frames are a line's sound. Pure. */
import type { ServerEvent } from '@/lib/realtime/protocol'

/** RMS of a frame, 0..1: what the codec makes of silence stays below. */
const SILENCE = 0.0005
/** Sound follows its announcement by what network and jitter buffer take; later it is a line that begins with silence. */
const LEAD_FRAMES = 25
/** The end is announced before its sound is here, too. */
const TAIL_FRAMES = 15

export class LineCutter {
  private state: 'between' | 'announced' | 'sounding' | 'held' | 'ending' = 'between'
  private left = 0

  take(event: ServerEvent): void {
    if (event.type === 'souffleur.audio' && (this.state === 'between' || this.state === 'ending')) this.enter('announced', LEAD_FRAMES)
    else if (event.type === 'souffleur.pause' && this.state === 'sounding') this.enter('held')
    else if (event.type === 'souffleur.resume' && this.state === 'held') this.enter('announced', LEAD_FRAMES)
    else if ((event.type === 'output_audio_buffer.stopped' || event.type === 'output_audio_buffer.cleared') && this.state !== 'between') this.enter('ending', TAIL_FRAMES)
  }

  /** Whether the frame of this level belongs to the line. */
  frame(level: number): boolean {
    const sounds = level > SILENCE
    if (this.state === 'announced') {
      this.left -= 1
      if (sounds || this.left <= 0) this.enter('sounding')
      return sounds
    }
    if (this.state === 'ending') {
      this.left -= 1
      if (this.left <= 0) this.enter('between')
      return sounds
    }
    return this.state === 'sounding' || (this.state === 'held' && sounds)
  }

  private enter(state: LineCutter['state'], frames = 0): void {
    this.state = state
    this.left = frames
  }
}
