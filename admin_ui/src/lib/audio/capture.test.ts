import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { tapped } from '@/lib/audio/capture'

const refusing = () => {
  throw new DOMException('another rate', 'NotSupportedError')
}
vi.mock('@/lib/audio/capture.worklet?worker&url', () => ({ default: 'capture.js' }))
vi.mock('@/lib/audio/context', () => ({ audioContext: () => Promise.resolve({ resume: () => Promise.resolve(), createMediaStreamSource: refusing, audioWorklet: { addModule: () => Promise.resolve() } }) }))

let closed = 0
let fault = ''

/** A context of the stream's own rate; what the test names fails. */
class Own {
  readonly audioWorklet = { addModule: () => (fault === 'module' ? Promise.reject(new Error('module')) : Promise.resolve()) }

  createMediaStreamSource() {
    if (fault === 'source') throw new Error('source')
    return { context: this, connect: () => undefined, disconnect: () => undefined }
  }

  close() {
    closed += 1
    return Promise.resolve()
  }
}

class Node {
  readonly port = { postMessage: () => undefined, close: () => undefined }

  constructor() {
    if (fault === 'node') throw new Error('node')
  }
}

beforeEach(() => {
  closed = 0
  vi.stubGlobal('AudioContext', Own)
  vi.stubGlobal('AudioWorkletNode', Node)
})
afterEach(() => vi.unstubAllGlobals())

describe('a stream that needs a context of its own', () => {
  it.each(['module', 'source', 'node'])('closes it when the %s fails', async (what) => {
    fault = what
    await expect(tapped({} as MediaStream, () => undefined)).rejects.toThrow(what)
    expect(closed).toBe(1)
  })

  it('closes it at the end', async () => {
    fault = ''
    const untap = await tapped({} as MediaStream, () => undefined)
    expect(closed).toBe(0)
    untap()
    expect(closed).toBe(1)
  })
})
