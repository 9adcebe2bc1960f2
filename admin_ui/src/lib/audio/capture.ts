/** A stream's samples as frames at the wire's rate. */
import captureUrl from '@/lib/audio/capture.worklet?worker&url'
import { audioContext } from '@/lib/audio/context'
import type { CapturedFrame } from '@/lib/audio/messages'

/** Frames from now until the returned function is called. */
export async function tapped(stream: MediaStream, onFrame: (frame: CapturedFrame) => void): Promise<() => void> {
  const { source, own } = await connect(stream)
  let node: AudioWorkletNode
  try {
    node = new AudioWorkletNode(source.context, 'souffleur-capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' })
  } catch (error) {
    void own?.close()
    throw error
  }
  node.port.onmessage = (message: MessageEvent<CapturedFrame>) => onFrame(message.data)
  source.connect(node)
  return () => {
    node.port.postMessage('stop')
    node.port.close()
    source.disconnect()
    void own?.close()
  }
}

/** Firefox refuses a stream whose rate differs from the context's: then the stream gets a context of its own rate. */
async function connect(stream: MediaStream): Promise<{ source: MediaStreamAudioSourceNode; own: AudioContext | null }> {
  const shared = await audioContext()
  await shared.resume()
  try {
    const source = shared.createMediaStreamSource(stream)
    await shared.audioWorklet.addModule(captureUrl)
    return { source, own: null }
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'NotSupportedError') throw error
    const own = new AudioContext({ latencyHint: 'interactive' })
    try {
      await own.audioWorklet.addModule(captureUrl)
      return { source: own.createMediaStreamSource(stream), own }
    } catch (failed) {
      // A browser gives out few of them, and nobody else would ever close this one.
      void own.close()
      throw failed
    }
  }
}
