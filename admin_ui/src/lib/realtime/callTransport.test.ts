import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { openCall } from '@/lib/realtime/callTransport'
import { NO_CALLS, NO_WAY } from '@/lib/realtime/transport'

vi.mock('@/lib/audio/uplink', () => ({ Uplink: { open: () => Promise.resolve({ track: {}, stream: {}, push: () => undefined, close: () => undefined }) } }))
const listening = vi.hoisted(() => ({ open: () => Promise.resolve({ close: () => undefined }) }))
vi.mock('@/lib/audio/downlink', () => ({ Downlink: { open: () => listening.open() } }))

/** A browser's end of a call whose network does what the test says. */
class Peer {
  static last: Peer
  readonly channel = { readyState: 'connecting', sent: [] as string[], send: (text: string) => this.channel.sent.push(text), onopen: () => undefined as unknown }
  connectionState = 'new'
  onconnectionstatechange: (() => void) | null = null
  ontrack: ((event: unknown) => void) | null = null

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

const CALLS = 'http://127.0.0.1/v1/realtime/calls'
const rung = () => new Response('v=0', { status: 201, headers: { Location: '/v1/realtime/calls/rtc_1' } })
const HUNG_UP = `DELETE ${CALLS}/rtc_1`

/** A server that answers when the test says; what it was asked, and by which signal. */
async function asked(): Promise<{ call: ReturnType<typeof openCall>; asked: string[]; answers: (answer: Response) => Promise<void>; signal: () => AbortSignal | null | undefined }> {
  const asked: string[] = []
  let signal: AbortSignal | null | undefined
  let give: (answer: Response) => void = () => undefined
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push(`${init.method ?? ''} ${url}`)
    if (init.method === 'DELETE') return Promise.resolve(new Response(null, { status: 204 }))
    signal = init.signal
    return new Promise<Response>((resolve) => (give = resolve))
  })
  const call = openCall(CALLS, { onText: () => undefined, onAudio: () => undefined, onClose: (code) => void ended.push(code) })
  await vi.advanceTimersByTimeAsync(0)
  const answers = async (answer: Response) => {
    give(answer)
    await vi.advanceTimersByTimeAsync(0)
  }
  return { call, asked, answers, signal: () => signal }
}

describe('a call that nobody wants any more', () => {
  it('is hung up when its answer comes late', async () => {
    const server = await asked()
    server.call.close()
    expect(server.asked).toEqual([`POST ${CALLS}`])
    await server.answers(rung())
    expect(server.asked).toEqual([`POST ${CALLS}`, HUNG_UP])
  })

  it('waits only so long for an answer', async () => {
    const server = await asked()
    server.call.close()
    expect(server.signal()?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(5000)
    expect(server.signal()?.aborted).toBe(true)
  })

  it('is hung up while it rings, and when it never came to stand, once', async () => {
    const server = await asked()
    await server.answers(rung())
    server.call.close()
    server.call.close()
    expect(server.asked.slice(1)).toEqual([HUNG_UP])
    const second = await asked()
    await second.answers(rung())
    await vi.advanceTimersByTimeAsync(15_000)
    expect([second.asked.slice(1), ended]).toEqual([[HUNG_UP], [NO_WAY]])
  })

  it('says goodbye by itself once it has stood, and a refused one needs none', async () => {
    const server = await asked()
    await server.answers(rung())
    Peer.last.opens()
    server.call.close()
    expect(server.asked).toHaveLength(1)
    const refused = await asked()
    await refused.answers(new Response('{}', { status: 503 }))
    expect(refused.asked).toHaveLength(1)
  })

  it('is not made when it was given up before it was asked for', async () => {
    let described: () => void = () => undefined
    class Slow extends Peer {
      override setLocalDescription = () => new Promise<void>((resolve) => (described = resolve))
    }
    vi.stubGlobal('RTCPeerConnection', Slow)
    const server = await asked()
    server.call.close()
    described()
    await vi.advanceTimersByTimeAsync(0)
    expect(server.asked).toEqual([])
  })
})

describe('a call that cannot be heard', () => {
  it('ends, for a WebSocket, and does not go on in silence', async () => {
    listening.open = () => Promise.reject(new DOMException('no worklet', 'NotSupportedError'))
    await called(() => Promise.resolve(new Response('v=0', { status: 201 })))
    Peer.last.opens()
    Peer.last.ontrack?.({ track: {} })
    await vi.advanceTimersByTimeAsync(0)
    expect(ended).toEqual([NO_CALLS])
  })
})
