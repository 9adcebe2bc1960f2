/** From the microphone to the socket: who may be heard now, and the talk key. */
import { BehaviorSubject, type Subscription } from 'rxjs'

import type { CapturedFrame } from '@/lib/audio/messages'
import { faultOf, microphone, type MicrophoneFault } from '@/lib/audio/microphone'
import { meter } from '@/lib/audio/pcm'
import type { ClientEvent } from '@/lib/realtime/protocol'

import { EchoGuard } from './echoGuard'
import { Gate, type GateInputs, type Verdict } from './gate'
import type { Probe } from './probe'

/** What the socket can do for the voice. */
export interface VoiceWire {
  send: (event: ClientEvent) => boolean
  sendAudio: (pcm: ArrayBuffer) => boolean
}

export interface VoiceState {
  microphone: 'off' | 'opening' | 'open'
  fault: MicrophoneFault | null
  mode: 'hands-free' | 'push'
  held: boolean
  muted: boolean
  tableTalk: boolean
  /** The echo guard is shut now. */
  guarded: boolean
}

/** People press the key a little late and let go a little early. */
const PRE_ROLL_FRAMES = 10
const TAIL_MS = 150
/** A shorter press is a slip, not speech. */
const SHORTEST_FRAMES = 10

export class VoicePath {
  readonly state$ = new BehaviorSubject<VoiceState>({ microphone: 'off', fault: null, mode: 'hands-free', held: false, muted: false, tableTalk: false, guarded: false })
  /** The meter's reading, 0..1, of every frame. */
  readonly level$ = new BehaviorSubject(0)
  private readonly gate = new Gate()
  private readonly guard = new EchoGuard()
  private capture: Subscription | null = null
  private preRoll: CapturedFrame[] = []
  private pressed = 0
  private committed = 0
  private tail: ReturnType<typeof setTimeout> | null = null
  /** The loudspeakers of this table can be heard by its microphone. */
  loudspeakers = true

  constructor(
    private readonly wire: VoiceWire,
    private readonly probe: Probe,
  ) {}

  /** Ask for the microphone and begin to listen. */
  open(deviceId: string, raw: boolean): void {
    this.close()
    this.guard.reset()
    this.change({ microphone: 'opening', fault: null })
    this.capture = microphone({ deviceId, raw }).subscribe({
      next: (frame) => this.take(frame),
      error: (error: unknown) => {
        this.capture = null
        if (this.state$.value.held) this.abandon()
        this.probe.micOpen = false
        this.level$.next(0)
        this.change({ microphone: 'off', fault: faultOf(error) })
      },
    })
  }

  /** Let the device go. */
  close(): void {
    this.release()
    this.capture?.unsubscribe()
    this.capture = null
    this.preRoll = []
    this.probe.micOpen = false
    this.level$.next(0)
    this.change({ microphone: 'off', guarded: false })
  }

  setMode(mode: VoiceState['mode']): void {
    if (this.state$.value.mode === mode) return
    if (this.tail !== null) this.finish()
    this.change({ mode, held: false })
  }

  setMuted(muted: boolean): void {
    this.change({ muted })
  }

  /** While on, nothing is heard; what was said into a half-finished press is thrown away. */
  setTableTalk(tableTalk: boolean): void {
    if (this.state$.value.tableTalk === tableTalk) return
    if (tableTalk && this.state$.value.held) this.abandon()
    this.change({ tableTalk })
    this.wire.send({ type: 'souffleur.configure', table_talk: tableTalk })
  }

  /** The talk key went down. */
  press(): void {
    const { mode, held, tableTalk, microphone: device } = this.state$.value
    if (mode !== 'push' || held || tableTalk || device !== 'open') return
    if (this.tail !== null) this.finish()
    this.pressed = 0
    this.change({ held: true })
    for (const frame of this.preRoll.splice(0)) this.voice(frame)
  }

  /** The talk key came up: the utterance ends a moment later. */
  release(): void {
    if (!this.state$.value.held || this.tail !== null) return
    this.tail = setTimeout(() => this.finish(), TAIL_MS)
  }

  /** A character sounded at `nowMs`. */
  characterSounded(nowMs: number): void {
    this.guard.sounded(nowMs)
  }

  /** What was said into a press that will have no end is thrown away. */
  private abandon(): void {
    if (this.tail !== null) clearTimeout(this.tail)
    this.tail = null
    this.wire.send({ type: 'input_audio_buffer.clear' })
    this.change({ held: false })
  }

  private finish(): void {
    if (this.tail !== null) clearTimeout(this.tail)
    this.tail = null
    if (!this.state$.value.held) return
    this.change({ held: false })
    if (this.pressed < SHORTEST_FRAMES) {
      this.wire.send({ type: 'input_audio_buffer.clear' })
      return
    }
    if (this.wire.send({ type: 'input_audio_buffer.commit' })) this.committed += 1
  }

  /** Whether the utterance that was just recognised came from the talk key; each counts once. */
  takeCommitted(): boolean {
    if (this.committed === 0) return false
    this.committed -= 1
    return true
  }

  private take(frame: CapturedFrame): void {
    const now = performance.now()
    this.probe.micOpen = true
    const guarded = this.loudspeakers && this.state$.value.mode === 'hands-free' && this.guard.shut(now)
    this.change({ microphone: 'open', guarded })
    const verdict = this.gate.decide(inputsOf(this.state$.value), now)
    this.level$.next(verdict === 'silence' || (verdict === 'nothing' && this.state$.value.mode === 'hands-free') ? 0 : meter(frame.level))
    this.obey(verdict, frame)
  }

  private obey(verdict: Verdict, frame: CapturedFrame): void {
    if (verdict === 'voice') this.voice(frame)
    else if (verdict === 'silence') this.sent(this.wire.sendAudio(new ArrayBuffer(frame.pcm.byteLength)), 'silenceFramesSent')
    else if (this.state$.value.mode === 'push' && !this.state$.value.tableTalk) {
      this.preRoll.push(frame)
      if (this.preRoll.length > PRE_ROLL_FRAMES) this.preRoll.shift()
    } else this.preRoll = []
  }

  private voice(frame: CapturedFrame): void {
    this.pressed += 1
    if (!this.sent(this.wire.sendAudio(frame.pcm), 'framesSent')) return
    const at = performance.now()
    this.probe.lastFrameSentAt = at
    this.probe.sent.push({ at, level: frame.level, capturedAt: frame.at - (Date.now() - at) })
  }

  private sent(taken: boolean, counter: 'framesSent' | 'silenceFramesSent'): boolean {
    this.probe.count(taken ? counter : 'framesDropped')
    return taken
  }

  private change(patch: Partial<VoiceState>): void {
    const now = this.state$.value
    if (Object.entries(patch).some(([key, value]) => now[key as keyof VoiceState] !== value)) this.state$.next({ ...now, ...patch })
  }
}

function inputsOf(state: VoiceState): GateInputs {
  return { mode: state.mode, held: state.held, muted: state.muted, tableTalk: state.tableTalk, guarded: state.guarded }
}
