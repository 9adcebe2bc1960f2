import { afterEach, describe, expect, it, vi } from 'vitest'

import { Downlink } from '@/lib/audio/downlink'

vi.mock('@/lib/audio/capture', () => ({ tapped: () => Promise.reject(new Error('no worklet')) }))

afterEach(() => vi.unstubAllGlobals())

describe('a track that cannot be tapped', () => {
  it('is let go of by the element that had it decoded', async () => {
    const element = { muted: false, srcObject: null as unknown, play: () => Promise.resolve() }
    const tracks: unknown[] = []
    vi.stubGlobal('MediaStream', function (given: unknown[]) {
      tracks.push(...given)
    })
    vi.stubGlobal('Audio', function () {
      return element
    })
    const track = {} as MediaStreamTrack
    await expect(Downlink.open(track, () => undefined)).rejects.toThrow('no worklet')
    expect([tracks, element.srcObject]).toEqual([[track], null])
  })
})
