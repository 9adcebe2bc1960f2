/** The WebSocket: events as text, audio as binary frames. */
import type { Transport, TransportHandlers } from '@/lib/realtime/transport'

/** More than this unsent means the network is gone: further audio would only arrive late. */
const UNSENT_LIMIT = 256 * 1024

export function openSocket(url: string, handlers: TransportHandlers): Transport {
  const socket = new WebSocket(url, ['souffleur.pcm'])
  socket.binaryType = 'arraybuffer'
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => (typeof data === 'string' ? handlers.onText(data) : handlers.onAudio(data))
  socket.onclose = (event) => handlers.onClose(event.code, event.reason)
  const open = () => socket.readyState === WebSocket.OPEN
  return {
    send: (event) => {
      if (!open()) return false
      socket.send(JSON.stringify(event))
      return true
    },
    sendAudio: (pcm) => {
      if (!open() || socket.bufferedAmount > UNSENT_LIMIT) return false
      socket.send(pcm)
      return true
    },
    close: () => {
      socket.onmessage = null
      socket.onclose = null
      socket.close()
    },
  }
}
