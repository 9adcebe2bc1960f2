import { Observable, type Subscriber } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'

import type { ClientEvent } from '@/lib/realtime/protocol'

import { OwnVoice } from './ownVoice'

const device = vi.hoisted(() => ({ taken: [] as Subscriber<unknown>[] }))
vi.mock('@/lib/audio/microphone', () => ({ faultOf: () => 'lost', microphone: () => new Observable((capture) => void device.taken.push(capture)) }))

function table() {
  const sent: string[] = []
  const went: string[] = []
  const line = { up: true }
  const send = (event: ClientEvent) => {
    if (line.up) sent.push(event.type)
    return line.up
  }
  return { sent, went, line, voice: new OwnVoice({ send, sendAudio: () => line.up, goTo: (slug) => void went.push(slug) }) }
}

describe('words that the director types for the table', () => {
  it('says whether they have gone out', async () => {
    const { sent, went, line, voice } = table()
    expect(await voice.say({ as: 'oneself', to: 'm' }, 'item_1', 'Well?')).toBe(true)
    expect(sent).toEqual(['souffleur.configure', 'conversation.item.create', 'response.create'])
    expect(went).toEqual(['m'])
    line.up = false
    expect(await voice.say({ as: 'narrator' }, 'item_2', 'Night falls.')).toBe(false)
    expect([sent.length, went.length]).toEqual([3, 1])
  })

  it('waits until spoken ones have arrived, and gives up when the desk is left', async () => {
    const { sent, line, voice } = table()
    voice.state$.next({ role: null, waiting: true, fault: null })
    const heard = vi.fn()
    const said = voice.say({ as: 'narrator' }, 'item_1', 'Night falls.').then(heard)
    await Promise.resolve()
    expect([sent, heard.mock.calls]).toEqual([[], []])
    voice.take({ type: 'conversation.item.input_audio_transcription.failed' } as Parameters<OwnVoice['take']>[0])
    await said
    expect(heard).toHaveBeenCalledWith(true)
    voice.state$.next({ role: null, waiting: true, fault: null })
    const late = voice.say({ as: 'narrator' }, 'item_2', 'Day breaks.')
    line.up = false
    voice.close()
    expect(await late).toBe(false)
  })

  it('goes out after a key that was held too briefly to say anything', async () => {
    vi.useFakeTimers()
    try {
      const { sent, voice } = table()
      voice.state$.next({ role: { as: 'narrator' }, waiting: false, fault: null })
      const said = voice.say({ as: 'narrator' }, 'item_1', 'Night falls.')
      voice.release()
      await vi.advanceTimersByTimeAsync(1000)
      expect(await said).toBe(true)
      expect(sent).toEqual(['input_audio_buffer.clear', 'souffleur.configure', 'conversation.item.create'])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a key that is held while the connection is made anew', () => {
  it('comes to nothing: the rest of the words is not the director’s own', () => {
    const { sent, voice } = table()
    voice.press({ as: 'character', slug: 'mirelle' }, '', false)
    voice.take({ type: 'souffleur.attached' } as Parameters<OwnVoice['take']>[0])
    expect([sent.at(-1), voice.state$.value.role]).toEqual(['input_audio_buffer.clear', null])
    voice.release()
    voice.take({ type: 'souffleur.attached' } as Parameters<OwnVoice['take']>[0])
    expect(sent).toHaveLength(2)
  })
})

describe('a microphone that is lost while its key is held', () => {
  it('leaves no half of an utterance behind, and what was typed meanwhile goes out', async () => {
    const { sent, voice } = table()
    voice.press({ as: 'narrator' }, '', false)
    const said = voice.say({ as: 'narrator' }, 'item_1', 'Night falls.')
    device.taken.at(-1)?.error(new Error('unplugged'))
    expect(await said).toBe(true)
    expect(sent).toEqual(['souffleur.configure', 'input_audio_buffer.clear', 'souffleur.configure', 'conversation.item.create'])
    expect(voice.state$.value).toEqual({ role: null, waiting: false, fault: 'lost' })
    voice.release()
    expect(sent).toHaveLength(4)
  })
})
