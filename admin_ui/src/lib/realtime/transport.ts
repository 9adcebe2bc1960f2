/** How one connection's messages travel: a WebSocket, or a call by WebRTC. Both are opened at once and tell how it went. */
import type { ClientEvent } from '@/lib/realtime/protocol'

export type TransportKind = 'websocket' | 'webrtc'

export interface Transport {
  /** False if it does not stand; the event is not kept. */
  send: (event: ClientEvent) => boolean
  /** One frame of PCM16 at the wire's rate, which is given away. False if it was dropped. */
  sendAudio: (pcm: ArrayBuffer) => boolean
  /** Leave; nothing is told any more. */
  close: () => void
}

export interface TransportHandlers {
  onText: (text: string) => void
  /** PCM16 at the wire's rate; it belongs where the last `souffleur.audio` said. */
  onAudio: (pcm: ArrayBuffer) => void
  /** Once, with a WebSocket close code. */
  onClose: (code: number, reason: string) => void
}

/** A close code of our own: there are no calls here, by this server or in this browser, so come by WebSocket. */
export const NO_CALLS = 4501
/** Another: the call did not come about, and the server did not fail. When that happens again, come by WebSocket. */
export const NO_WAY = 4502
