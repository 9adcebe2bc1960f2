/**
 * `window.souffleurProbe`: a read-only window for measurements from outside the page (browser tests, benchmarks). Nothing in the page reads it.
 *
 *   state               connection: idle, connecting, open, waiting, refused, closed
 *   session             session id once attached, else ''
 *   participant         participant id once attached, else ''
 *   micOpen             frames are coming from the microphone
 *   counters            framesSent (frames with the microphone's sound), silenceFramesSent, framesDropped (socket was full),
 *                       framesReceived and bytesReceived (audio from the server), facts, flushes, pauses, played (position reports), connects
 *   lastOutputSampleAt  performance.now() of the last block of 128 samples that the playback worklet put out and that was not silent; 0 = none
 *   lastFrameSentAt     performance.now() when the last microphone frame with sound was handed to the socket; 0 = none
 *   output              last 3000 reports of the playback worklet while it sounds, about one per 21 ms: {at, level, line, soundedAt}; level is RMS 0..1, soundedAt as lastOutputSampleAt
 *   sent                last 3000 microphone frames (20 ms each) handed to the socket: {at, level, capturedAt}; capturedAt is when the last sample reached the worklet
 *   events              last 500 server events: {at, type, line}
 *   marks               last 200 happenings at the loudspeaker: {at, kind, line, ms, gap} with kind started, drained, starved, paused, resumed, flushed;
 *                       gap, of starved, is how many ms of silence were put out because the line's next samples were not there
 *
 * Times are performance.now(), taken where the thing happened (the worklet's own clock has a resolution of 1 ms). Every access gives a copy.
 */
import { Ring } from './ring'

export interface Counters {
  framesSent: number
  silenceFramesSent: number
  framesDropped: number
  framesReceived: number
  bytesReceived: number
  facts: number
  flushes: number
  pauses: number
  played: number
  connects: number
}

const ZERO: Counters = { framesSent: 0, silenceFramesSent: 0, framesDropped: 0, framesReceived: 0, bytesReceived: 0, facts: 0, flushes: 0, pauses: 0, played: 0, connects: 0 }

/** What the table writes; the page outside sees only getters. */
export class Probe {
  state = 'idle'
  session = ''
  participant = ''
  micOpen = false
  counters: Counters = { ...ZERO }
  lastOutputSampleAt = 0
  lastFrameSentAt = 0
  readonly output = new Ring<{ at: number; level: number; line: string; soundedAt: number }>(3000)
  readonly sent = new Ring<{ at: number; level: number; capturedAt: number }>(3000)
  readonly events = new Ring<{ at: number; type: string; line: string }>(500)
  readonly marks = new Ring<{ at: number; kind: string; line: string; ms: number; gap: number }>(200)

  count(name: keyof Counters, by = 1): void {
    this.counters[name] += by
  }
}

/** Publish `probe`; a later table replaces an earlier one. */
export function publish(probe: Probe): void {
  const face = Object.freeze({
    version: 1,
    get state() {
      return probe.state
    },
    get session() {
      return probe.session
    },
    get participant() {
      return probe.participant
    },
    get micOpen() {
      return probe.micOpen
    },
    get counters() {
      return { ...probe.counters }
    },
    get lastOutputSampleAt() {
      return probe.lastOutputSampleAt
    },
    get lastFrameSentAt() {
      return probe.lastFrameSentAt
    },
    get output() {
      return probe.output.all()
    },
    get sent() {
      return probe.sent.all()
    },
    get events() {
      return probe.events.all()
    },
    get marks() {
      return probe.marks.all()
    },
  })
  Object.defineProperty(window, 'souffleurProbe', { value: face, configurable: true, writable: false, enumerable: false })
}
