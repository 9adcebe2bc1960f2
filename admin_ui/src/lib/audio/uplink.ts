/** From frames to a track: what the page lets out of the microphone, as WebRTC wants it. */
import { audioContext } from '@/lib/audio/context'
import uplinkUrl from '@/lib/audio/uplink.worklet?worker&url'

export class Uplink {
  private constructor(
    readonly stream: MediaStream,
    readonly track: MediaStreamTrack,
    private readonly node: AudioWorkletNode,
  ) {}

  static async open(): Promise<Uplink> {
    const context = await audioContext()
    await context.audioWorklet.addModule(uplinkUrl)
    const node = new AudioWorkletNode(context, 'souffleur-uplink', { numberOfInputs: 0, outputChannelCount: [1] })
    const { stream } = node.connect(new MediaStreamAudioDestinationNode(context, { channelCount: 1 })) as MediaStreamAudioDestinationNode
    const [track] = stream.getAudioTracks()
    if (track === undefined) throw new Error('no track')
    return new Uplink(stream, track, node)
  }

  /** PCM16 at the wire's rate; the buffer is given away. */
  push(pcm: ArrayBuffer): void {
    this.node.port.postMessage(pcm, [pcm])
  }

  close(): void {
    this.node.port.postMessage('stop')
    this.node.port.close()
    this.node.disconnect()
    this.track.stop()
  }
}
