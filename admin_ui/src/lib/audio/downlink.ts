/** From a track that comes over the network to frames, as the page's own loudspeaker wants them. */
import { tapped } from '@/lib/audio/capture'
import type { CapturedFrame } from '@/lib/audio/messages'

export class Downlink {
  private constructor(
    private readonly untap: () => void,
    private readonly element: HTMLAudioElement,
  ) {}

  static async open(track: MediaStreamTrack, onFrame: (frame: CapturedFrame) => void): Promise<Downlink> {
    const stream = new MediaStream([track])
    // Chromium decodes a remote track for a media element only; the page's own player is what is heard.
    const element = new Audio()
    element.muted = true
    element.srcObject = stream
    void element.play().catch(() => undefined)
    try {
      return new Downlink(await tapped(stream, onFrame), element)
    } catch (error) {
      element.srcObject = null
      throw error
    }
  }

  close(): void {
    this.untap()
    this.element.srcObject = null
  }
}
