import { describe, expect, it } from 'vitest'

import { PlaybackQueue } from '@/lib/audio/playbackQueue'

const SHAPE = { jitter: 100, patience: 400, fade: 10 }

function ones(count: number): Float32Array {
  return new Float32Array(count).fill(1)
}

function pull(queue: PlaybackQueue, count: number): Float32Array {
  const out = new Float32Array(count)
  queue.pull(out)
  return out
}

function playing(samples: number): PlaybackQueue {
  const queue = new PlaybackQueue(SHAPE)
  queue.push('a', 0, ones(samples))
  pull(queue, 50)
  return queue
}

describe('PlaybackQueue', () => {
  it('waits until the jitter buffer is full', () => {
    const queue = new PlaybackQueue(SHAPE)
    queue.push('a', 0, ones(60))
    expect(pull(queue, 50).every((sample) => sample === 0)).toBe(true)
    queue.push('a', 60, ones(60))
    expect(pull(queue, 50).at(-1)).toBe(1)
  })

  it('plays a line shorter than the jitter buffer once it is finished, or once it has waited long enough', () => {
    const finished = new PlaybackQueue(SHAPE)
    finished.push('a', 0, ones(40))
    finished.finish('a')
    expect(pull(finished, 40).at(-1)).toBe(1)
    const waited = new PlaybackQueue(SHAPE)
    waited.push('a', 0, ones(40))
    const blocks = Array.from({ length: 10 }, () => pull(waited, 50))
    expect(blocks.findIndex((block) => block.some((sample) => sample > 0))).toBe(7)
  })

  it('counts the position in samples of the line and not in time that passed', () => {
    const queue = new PlaybackQueue(SHAPE)
    queue.push('a', 1000, ones(120))
    pull(queue, 120)
    expect(queue.position()).toEqual({ line: 'a', samples: 1120 })
    pull(queue, 500)
    expect(queue.position()).toEqual({ line: 'a', samples: 1120 })
    expect(queue.takeEvents()).toEqual([
      { kind: 'started', line: 'a', samples: 1000 },
      { kind: 'drained', line: 'a', samples: 1120 },
    ])
  })

  it('tells how long a line had nothing to play, once it goes on; a pause and the wait for another line are none', () => {
    const queue = playing(120)
    pull(queue, 100)
    pull(queue, 50)
    queue.push('a', 120, ones(200))
    pull(queue, 50)
    expect(queue.takeEvents().at(-1)).toEqual({ kind: 'starved', line: 'a', samples: 120, gap: 80 })
    queue.pause('a')
    pull(queue, 300)
    queue.resume('a')
    pull(queue, 200)
    queue.push('b', 0, ones(200))
    pull(queue, 50)
    expect(queue.takeEvents().filter((event) => event.kind === 'starved')).toEqual([])
  })

  it('plays lines in order and tells when each is played', () => {
    const queue = new PlaybackQueue(SHAPE)
    queue.push('a', 0, ones(120))
    queue.push('b', 0, ones(120))
    pull(queue, 240)
    expect(queue.takeEvents().map((event) => `${event.kind} ${event.line}`)).toEqual(['started a', 'drained a', 'started b', 'drained b'])
  })

  it('falls silent within a fade after a flush and forgets what was queued', () => {
    const queue = playing(1000)
    queue.flush('a')
    const out = pull(queue, 100)
    expect(out[0]).toBeGreaterThan(0.5)
    expect(out.findLastIndex((sample) => sample !== 0)).toBeLessThan(SHAPE.fade)
    expect(queue.busy).toBe(false)
    expect(queue.takeEvents().at(-1)).toEqual({ kind: 'flushed', line: 'a', samples: 50 })
  })

  it('drops frames of a flushed line that come late, and reports the flush once', () => {
    const queue = playing(1000)
    queue.flush('a')
    queue.flush('a')
    queue.push('a', 1000, ones(500))
    pull(queue, 100)
    expect(pull(queue, 500).every((sample) => sample === 0)).toBe(true)
    expect(queue.takeEvents().filter((event) => event.kind === 'flushed')).toHaveLength(1)
  })

  it('keeps other lines when one is flushed and drops all when none is named', () => {
    const one = playing(1000)
    one.push('b', 0, ones(200))
    one.flush('a')
    expect(pull(one, 200).at(-1)).toBe(1)
    const all = playing(1000)
    all.push('b', 0, ones(200))
    all.flush(null)
    pull(all, 20)
    expect(pull(all, 300).every((sample) => sample === 0)).toBe(true)
  })

  it('keeps what is queued while paused and goes on at the same sample', () => {
    const queue = playing(1000)
    queue.pause('a')
    pull(queue, 200)
    const stopped = queue.position()
    expect(stopped?.samples).toBeLessThanOrEqual(50 + SHAPE.fade)
    expect(pull(queue, 100).every((sample) => sample === 0)).toBe(true)
    queue.resume('a')
    expect(pull(queue, 50).at(-1)).toBe(1)
    expect(queue.position()?.samples).toBe((stopped?.samples ?? 0) + 50)
  })

  it('drops a line that ends while it is paused, and the next one sounds', () => {
    const queue = playing(500)
    queue.pause('a')
    pull(queue, 100)
    queue.push('b', 0, ones(200))
    expect(pull(queue, 100).every((sample) => sample === 0)).toBe(true)
    queue.finish('a')
    expect(pull(queue, 100).at(-1)).toBe(1)
    expect(queue.position()).toEqual({ line: 'b', samples: 100 })
  })

  it('goes on with whichever line is paused where none is named', () => {
    const queue = playing(500)
    queue.resume(null)
    queue.pause('a')
    pull(queue, 100)
    queue.resume(null)
    expect(pull(queue, 50).at(-1)).toBe(1)
    expect(queue.takeEvents().map((event) => event.kind)).toEqual(['started', 'paused', 'resumed'])
  })

  it('never jumps by more than a fade step at pause, resume and flush', () => {
    const queue = playing(2000)
    const heard: number[] = [...pull(queue, 50)]
    queue.pause('a')
    heard.push(...pull(queue, 50))
    queue.resume('a')
    heard.push(...pull(queue, 50))
    queue.flush('a')
    heard.push(...pull(queue, 50))
    const steps = heard.slice(1).map((sample, index) => Math.abs(sample - (heard[index] ?? 0)))
    expect(Math.max(...steps)).toBeLessThanOrEqual(1 / SHAPE.fade + 1e-6)
  })
})
