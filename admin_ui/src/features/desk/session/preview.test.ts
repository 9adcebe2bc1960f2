import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { Preview } from './preview'

const SENTENCES = [{ text: 'Who is there?', emotion: 'fear', intensity: 0.8, manner: 'plain' }]

/** An output that is chosen when it is told to. */
class Loud {
  static all: Loud[] = []
  onended: (() => void) | null = null
  playing = false
  chosen: () => void = () => undefined
  constructor() {
    Loud.all.push(this)
  }
  setSinkId(): Promise<void> {
    return new Promise((resolve) => {
      this.chosen = resolve
    })
  }
  play(): Promise<void> {
    this.playing = true
    return Promise.resolve()
  }
  pause(): void {
    this.playing = false
  }
}

beforeEach(() => {
  Loud.all = []
  vi.stubGlobal('Audio', Loud)
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(new Blob(['RIFF']))))
})
afterEach(() => vi.unstubAllGlobals())

it('stays silent when it is stopped while its output is being chosen', async () => {
  const preview = new Preview()
  const played = preview.play('L', 'm', SENTENCES, 'headphones')
  await vi.waitFor(() => expect(Loud.all).toHaveLength(1))
  preview.stop()
  Loud.all[0]?.chosen()
  await played
  expect(Loud.all[0]?.playing).toBe(false)
  expect(preview.line$.value).toBe('')
})

it('sounds the newer draft alone', async () => {
  const preview = new Preview()
  const first = preview.play('L', 'm', SENTENCES, 'headphones')
  await vi.waitFor(() => expect(Loud.all).toHaveLength(1))
  const second = preview.play('M', 'm', SENTENCES, 'headphones')
  await vi.waitFor(() => expect(Loud.all).toHaveLength(2))
  for (const one of Loud.all) one.chosen()
  await Promise.all([first, second])
  expect(Loud.all.map((one) => one.playing)).toEqual([false, true])
  expect(preview.line$.value).toBe('M')
  preview.stop()
  expect(Loud.all[1]?.playing).toBe(false)
})
