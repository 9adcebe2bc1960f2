import { describe, expect, it } from 'vitest'

import { UplinkQueue } from '@/lib/audio/uplinkQueue'
import { callAddressOf } from '@/lib/realtime/connection'
import { LineCutter } from '@/lib/realtime/lineCutter'
import { Parts } from '@/lib/realtime/parts'
import type { ServerEvent } from '@/lib/realtime/protocol'

const AUDIO: ServerEvent = { type: 'souffleur.audio', line_id: 'L', item_id: 'item_L', seq: 1, offset_ms: 0 }
const STOPPED: ServerEvent = { type: 'output_audio_buffer.stopped', response_id: 'resp_L' }

describe('a call', () => {
  it('asks for the same seat as a socket does', () => {
    const url = new URL(callAddressOf('https://table.example', { slug: 'mirelle', session: 'S1', name: '', participant: 'p-1' }, 42))
    expect(url.origin + url.pathname).toBe('https://table.example/v1/realtime/calls')
    expect(Object.fromEntries(url.searchParams)).toEqual({ model: 'npc/mirelle', session: 'S1', participant: 'p-1', platform: 'page', after_seq: '42' })
  })

  it('puts long events together and leaves short ones alone', () => {
    const parts = new Parts()
    const part = (index: number, text: string) => JSON.stringify({ type: 'souffleur.part', id: 3, index, of: 2, text })
    expect(parts.take('{"type":"error"}')).toBe('{"type":"error"}')
    expect(parts.take(part(0, '{"type":'))).toBeNull()
    expect(parts.take(part(1, '"x"}'))).toBe('{"type":"x"}')
  })
})

describe('which frames are a line', () => {
  const cut = (cutter: LineCutter, levels: number[]) => levels.map((level) => cutter.frame(level))

  it('takes nothing between lines, and begins with the first sound after the announcement', () => {
    const cutter = new LineCutter()
    expect(cut(cutter, [0, 0.2])).toEqual([false, false])
    cutter.take(AUDIO)
    expect(cut(cutter, [0, 0, 0.1, 0, 0.1])).toEqual([false, false, true, true, true])
  })

  it('takes a line that begins with silence after half a second', () => {
    const cutter = new LineCutter()
    cutter.take(AUDIO)
    expect(cut(cutter, Array.from({ length: 25 }, () => 0)).some(Boolean)).toBe(false)
    expect(cutter.frame(0)).toBe(true)
  })

  it('takes what is still on its way after a pause and after the end, but no silence', () => {
    const cutter = new LineCutter()
    cutter.take(AUDIO)
    cut(cutter, [0.1])
    cutter.take({ type: 'souffleur.pause', line_id: 'L' })
    expect(cut(cutter, [0.1, 0])).toEqual([true, false])
    cutter.take({ type: 'souffleur.resume', line_id: 'L' })
    expect(cut(cutter, [0, 0.1, 0])).toEqual([false, true, true])
    cutter.take(STOPPED)
    expect(cut(cutter, [0.1, 0.1, 0, 0.1])).toEqual([true, true, false, true])
    cut(cutter, Array.from({ length: 15 }, () => 0))
    expect(cutter.frame(0.5)).toBe(false)
  })
})

describe('the queue before the track', () => {
  const pulled = (queue: UplinkQueue, size: number) => {
    const out = new Float32Array(size)
    queue.pull(out)
    return [...out]
  }

  it('waits for its lead, then gives samples in order and silence where there are none', () => {
    const queue = new UplinkQueue(4, 100)
    queue.push(new Float32Array([1, 2, 3]))
    expect(pulled(queue, 2)).toEqual([0, 0])
    queue.push(new Float32Array([4, 5]))
    expect(pulled(queue, 2)).toEqual([1, 2])
    expect(pulled(queue, 4)).toEqual([3, 4, 5, 0])
    queue.push(new Float32Array([6]))
    expect(pulled(queue, 1)).toEqual([0])
  })

  it('drops the oldest rather than be late', () => {
    const queue = new UplinkQueue(1, 4)
    for (const start of [0, 2, 4]) queue.push(new Float32Array([start, start + 1]))
    expect(pulled(queue, 4)).toEqual([2, 3, 4, 5])
  })
})
