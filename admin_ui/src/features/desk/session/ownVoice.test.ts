import { describe, expect, it, vi } from 'vitest'

import type { ClientEvent } from '@/lib/realtime/protocol'

import { OwnVoice } from './ownVoice'

function table() {
  const sent: string[] = []
  const line = { up: true }
  const send = (event: ClientEvent) => {
    if (line.up) sent.push(event.type)
    return line.up
  }
  return { sent, line, voice: new OwnVoice({ send, sendAudio: () => line.up }) }
}

describe('words that the director types for the table', () => {
  it('says whether they have gone out', async () => {
    const { sent, line, voice } = table()
    expect(await voice.say({ as: 'oneself', to: 'm' }, 'item_1', 'Well?')).toBe(true)
    expect(sent).toEqual(['souffleur.configure', 'conversation.item.create', 'response.create'])
    line.up = false
    expect(await voice.say({ as: 'narrator' }, 'item_2', 'Night falls.')).toBe(false)
    expect(sent).toHaveLength(3)
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
