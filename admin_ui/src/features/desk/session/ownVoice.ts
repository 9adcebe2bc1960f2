/** The director's own microphone, while a key is held: as narrator, as a character, or as oneself to a character. */
import { BehaviorSubject, type Subscription } from 'rxjs'

import type { CapturedFrame } from '@/lib/audio/messages'
import { faultOf, microphone, type MicrophoneFault } from '@/lib/audio/microphone'
import { meter } from '@/lib/audio/pcm'
import type { ClientEvent, ServerEvent } from '@/lib/realtime/protocol'

/** For whom the coming words are. */
export type Role = { as: 'narrator' } | { as: 'character'; slug: string } | { as: 'oneself'; to: string }

export interface OwnVoiceState {
  /** What is being held; null = nothing. */
  role: Role | null
  /** Words are on their way. */
  waiting: boolean
  fault: MicrophoneFault | null
}

export interface VoiceWire {
  send: (event: ClientEvent) => boolean
  sendAudio: (pcm: ArrayBuffer) => boolean
  /** The desk goes to where this character is. */
  goTo: (slug: string) => void
}

/** People press the key a little late and let go a little early. */
const PRE_ROLL_FRAMES = 10
const TAIL_MS = 150
const SHORTEST_FRAMES = 10
/** Words that nobody understood leave no trace: after this the next ones may come. */
const WORDS_MS = 5000

export class OwnVoice {
  readonly state$ = new BehaviorSubject<OwnVoiceState>({ role: null, waiting: false, fault: null })
  readonly level$ = new BehaviorSubject(0)
  private capture: Subscription | null = null
  private preRoll: CapturedFrame[] = []
  private frames = 0
  private tail: ReturnType<typeof setTimeout> | null = null
  private settling: ReturnType<typeof setTimeout> | null = null
  private later: ((free: boolean) => void)[] = []

  constructor(private readonly wire: VoiceWire) {}

  /** The key went down; the first time the microphone is asked for. */
  press(role: Role, deviceId: string, raw: boolean): void {
    if (this.state$.value.role !== null || this.state$.value.waiting) return
    this.open(deviceId, raw)
    this.frames = 0
    this.configure(role)
    this.change({ role, fault: null })
    for (const frame of this.preRoll.splice(0)) this.voice(frame)
  }

  /** The key came up: the words end a moment later. */
  release(): void {
    if (this.state$.value.role === null || this.tail !== null) return
    this.tail = setTimeout(() => this.finish(), TAIL_MS)
  }

  /** Typed words in the same roles; they wait until spoken ones have arrived, since both share the connection. False if there is none: they are not kept. */
  async say(role: Role, id: string, text: string): Promise<boolean> {
    if (!(await this.free())) return false
    const gone = this.configure(role) && this.wire.send({ type: 'conversation.item.create', item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] } })
    if (gone && role.as === 'oneself') this.wire.send({ type: 'response.create' })
    return gone
  }

  take(event: ServerEvent): void {
    // A new connection knows neither the half that was said nor in which role: the rest would be the director's own words.
    if (event.type === 'souffleur.attached' && this.state$.value.role !== null) this.abandon()
    const ours = event.type === 'conversation.item.input_audio_transcription.completed' || event.type === 'conversation.item.input_audio_transcription.failed'
    if (ours || (event.type === 'souffleur.fact' && event.fact.kind === 'line_opened' && event.fact.body.mode === 'puppet')) this.settled()
  }

  /** Let the device go. */
  close(): void {
    if (this.tail !== null) clearTimeout(this.tail)
    if (this.settling !== null) clearTimeout(this.settling)
    this.capture?.unsubscribe()
    this.capture = null
    for (const act of this.later.splice(0)) act(false)
  }

  private open(deviceId: string, raw: boolean): void {
    this.capture ??= microphone({ deviceId, raw }).subscribe({
      next: (frame) => this.hear(frame),
      error: (error: unknown) => {
        this.capture = null
        this.level$.next(0)
        this.change({ fault: faultOf(error) })
        this.abandon()
      },
    })
  }

  private hear(frame: CapturedFrame): void {
    const { role } = this.state$.value
    this.level$.next(role === null ? 0 : meter(frame.level))
    if (role !== null) {
      this.voice(frame)
      return
    }
    this.preRoll.push(frame)
    if (this.preRoll.length > PRE_ROLL_FRAMES) this.preRoll.shift()
  }

  private voice(frame: CapturedFrame): void {
    this.frames += 1
    this.wire.sendAudio(frame.pcm)
  }

  /** What was said into a press that will have no end is thrown away. */
  private abandon(): void {
    if (this.tail !== null) clearTimeout(this.tail)
    this.tail = null
    if (this.state$.value.role !== null) this.wire.send({ type: 'input_audio_buffer.clear' })
    this.change({ role: null })
    this.next()
  }

  private finish(): void {
    this.tail = null
    const { role } = this.state$.value
    if (role === null) return
    if (this.frames < SHORTEST_FRAMES) {
      this.wire.send({ type: 'input_audio_buffer.clear' })
      this.change({ role: null })
      this.next()
      return
    }
    this.change({ role: null, waiting: true })
    this.wire.send({ type: 'input_audio_buffer.commit' })
    if (role.as === 'oneself') this.wire.send({ type: 'response.create' })
    this.settling = setTimeout(() => this.settled(), WORDS_MS)
  }

  private settled(): void {
    if (!this.state$.value.waiting) return
    if (this.settling !== null) clearTimeout(this.settling)
    this.settling = null
    this.change({ waiting: false })
    this.next()
  }

  /** Nothing is being spoken: what was typed meanwhile goes out. */
  private next(): void {
    if (!this.state$.value.waiting) for (const act of this.later.splice(0)) act(true)
  }

  /** Once nothing is being spoken; false if the desk is left before. */
  private async free(): Promise<boolean> {
    const { waiting, role } = this.state$.value
    return (!waiting && role === null) || new Promise((resolve) => this.later.push(resolve))
  }

  private configure(role: Role): boolean {
    if (role.as === 'oneself') this.wire.goTo(role.to)
    const speaks = role.as === 'narrator' ? 'narrator' : role.as === 'character' ? role.slug : ''
    return this.wire.send({ type: 'souffleur.configure', speaks, addresses: role.as === 'oneself' ? role.to : '' })
  }

  private change(patch: Partial<OwnVoiceState>): void {
    this.state$.next({ ...this.state$.value, ...patch })
  }
}
