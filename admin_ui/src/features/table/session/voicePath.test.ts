import { Observable, type Subscriber } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { CapturedFrame } from '@/lib/audio/messages'

import { Probe } from './probe'
import { VoicePath } from './voicePath'

const device = vi.hoisted(() => ({ taken: [] as Subscriber<CapturedFrame>[] }))
vi.mock('@/lib/audio/microphone', () => ({ faultOf: () => 'lost', microphone: () => new Observable<CapturedFrame>((capture) => void device.taken.push(capture)) }))

const FRAME = 20

/** A table by push-to-talk, its microphone open. */
function table() {
  const sent: string[] = []
  const voice = new VoicePath({ send: ({ type }) => sent.push(type) > 0, sendAudio: () => sent.push('audio') > 0 }, new Probe())
  const hear = (frames: number) => {
    for (let frame = 0; frame < frames; frame += 1) device.taken.at(-1)?.next({ pcm: new ArrayBuffer(960), level: 0.1, at: 0 })
  }
  voice.open('', false)
  voice.setMode('push')
  hear(1)
  return { sent, voice, hear, acts: () => sent.filter((type) => type !== 'audio') }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the talk key', () => {
  it('ends the utterance a moment after it came up', () => {
    const { voice, hear, acts } = table()
    voice.press()
    hear(FRAME)
    voice.release()
    expect(acts()).toEqual([])
    vi.advanceTimersByTime(1000)
    expect(acts()).toEqual(['input_audio_buffer.commit'])
  })

  it.each([false, true])('leaves no half of an utterance behind where the microphone is lost meanwhile, come up already: %s', (released) => {
    const { voice, hear, acts } = table()
    voice.press()
    hear(FRAME)
    if (released) voice.release()
    device.taken.at(-1)?.error(new Error('unplugged'))
    vi.advanceTimersByTime(1000)
    expect(acts()).toEqual(['input_audio_buffer.clear'])
    expect(voice.state$.value).toMatchObject({ microphone: 'off', held: false, fault: 'lost' })
  })

  it('throws away what was said into it when table talk begins', () => {
    const { voice, hear, acts } = table()
    voice.press()
    hear(FRAME)
    voice.setTableTalk(true)
    vi.advanceTimersByTime(1000)
    expect(acts()).toEqual(['input_audio_buffer.clear', 'souffleur.configure'])
  })
})
