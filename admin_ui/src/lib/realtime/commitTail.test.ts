import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { COMMIT_AFTER_MS, CommitTail } from '@/lib/realtime/commitTail'
import type { ClientEvent } from '@/lib/realtime/protocol'

const COMMIT: ClientEvent = { type: 'input_audio_buffer.commit' }
const CANCEL: ClientEvent = { type: 'response.cancel' }
const CREATE: ClientEvent = { type: 'response.create' }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('events behind a commit', () => {
  it('wait with it, and keep their order', () => {
    const sent: string[] = []
    const tail = new CommitTail(({ type }) => sent.push(type))
    tail.send(CANCEL)
    tail.send(COMMIT)
    tail.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } })
    tail.send(CREATE)
    expect(sent).toEqual(['response.cancel'])
    vi.advanceTimersByTime(COMMIT_AFTER_MS)
    expect(sent).toEqual(['response.cancel', 'input_audio_buffer.commit', 'session.update', 'response.create'])
    tail.send(CANCEL)
    expect(sent).toHaveLength(5)
  })

  it('wait for a second commit as well, which has a tail of its own', () => {
    const sent: string[] = []
    const tail = new CommitTail(({ type }) => sent.push(type))
    tail.send(COMMIT)
    vi.advanceTimersByTime(100)
    tail.send(CREATE)
    tail.send(COMMIT)
    tail.send(CANCEL)
    vi.advanceTimersByTime(50)
    expect(sent).toEqual(['input_audio_buffer.commit', 'response.create'])
    vi.advanceTimersByTime(100)
    expect(sent).toEqual(['input_audio_buffer.commit', 'response.create', 'input_audio_buffer.commit', 'response.cancel'])
  })

  it('are gone with the call', () => {
    const sent: string[] = []
    const tail = new CommitTail(({ type }) => sent.push(type))
    tail.send(COMMIT)
    tail.close()
    vi.advanceTimersByTime(1000)
    expect(sent).toEqual([])
  })
})
