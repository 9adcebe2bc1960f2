import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { openCall } from '@/lib/realtime/callTransport'
import { NO_CALLS, NO_WAY } from '@/lib/realtime/transport'

vi.mock('@/lib/audio/uplink', () => ({ Uplink: { open: () => Promise.resolve({ track: {}, stream: {}, push: () => undefined, close: () => undefined }) } }))
vi.mock('@/lib/audio/downlink', () => ({ Downlink: {} }))

/** A browser's end of a call whose network does what the test says. */
class Peer {
  static last: Peer
  readonly channel = { readyState: 'connecting', sent: [] as string[], send: (text: string) => this.channel.sent.push(text), onopen: () => undefined as unknown }
  connectionState = 'new'
  onconnectionstatechange: (() => void) | null = null

  constructor() {
    Peer.last = this
  }

  createDataChannel() {
    return this.channel
  }

  addTrack() {}
  close() {}
  setLocalDescription = () => Promise.resolve()
  setRemoteDescription = () => Promise.resolve()

  opens() {
    this.channel.readyState = 'open'
    this.channel.onopen()
  }

  becomes(state: string) {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
}

let ended: number[] = []

async function called(answer: () => Promise<Response>) {
  vi.stubGlobal('fetch', answer)
  const call = openCall('http://127.0.0.1/v1/realtime/calls', { onText: () => undefined, onAudio: () => undefined, onClose: (code) => void ended.push(code) })
  await vi.advanceTimersByTimeAsync(0)
  return call
}

beforeEach(() => {
  ended = []
  vi.useFakeTimers()
  vi.stubGlobal('RTCPeerConnection', Peer)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a call that does not come about', () => {
  it.each([
    [501, NO_CALLS],
    [429, NO_WAY],
    [503, 1013],
    [404, 1008],
  ])('tells a refusal with %i as %i', async (status, code) => {
    await called(() => Promise.resolve(new Response('{}', { status })))
    expect(ended).toEqual([code])
  })

  it('tells a network without a way, by time and by the browser', async () => {
    await called(() => Promise.resolve(new Response('v=0', { status: 201 })))
    expect(ended).toEqual([])
    await vi.advanceTimersByTimeAsync(15_000)
    expect(ended).toEqual([NO_WAY])
    await called(() => Promise.resolve(new Response('v=0', { status: 201 })))
    Peer.last.becomes('failed')
    expect(ended).toEqual([NO_WAY, NO_WAY])
  })

  it('tells a server that is away from a way that is not there', async () => {
    await called(() => Promise.reject(new TypeError('away')))
    expect(ended).toEqual([1006])
    await called(() => new Promise(() => undefined))
    await vi.advanceTimersByTimeAsync(15_000)
    expect(ended).toEqual([1006, 1006])
  })

  it('is no such call once it has stood', async () => {
    const call = await called(() => Promise.resolve(new Response('v=0', { status: 201 })))
    Peer.last.opens()
    expect(call.send({ type: 'response.create' })).toBe(true)
    expect(Peer.last.channel.sent).toEqual(['{"type":"response.create"}'])
    Peer.last.becomes('failed')
    expect(ended).toEqual([1006])
  })
})
