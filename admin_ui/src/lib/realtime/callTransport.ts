/** A call by WebRTC: events over a data channel, audio by tracks that lose a word where a socket would stall for all of them. */
import { Downlink } from '@/lib/audio/downlink'
import { Uplink } from '@/lib/audio/uplink'
import { CommitTail } from '@/lib/realtime/commitTail'
import { LineCutter } from '@/lib/realtime/lineCutter'
import { Parts } from '@/lib/realtime/parts'
import { type ClientEvent, readEvent, type ServerEvent } from '@/lib/realtime/protocol'
import { NO_CALLS, NO_WAY, type Transport, type TransportHandlers } from '@/lib/realtime/transport'

const CONNECT_MS = 15_000
/** Nothing has come through for so long. */
const LOST_MS = 4000
/** Whoever has left before the answer waits so long for it, to hang up what it begins; without it the server rings for a quarter of a minute. */
const LATE_MS = 5000
const AWAY = 1006
const POLICY = 1008
const TRY_AGAIN = 1013

export function callsAreKnown(): boolean {
  return typeof RTCPeerConnection !== 'undefined'
}

export function openCall(url: string, handlers: TransportHandlers): Transport {
  const call = new Call(handlers)
  void call.begin(url)
  return call
}

class Call implements Transport {
  private readonly peer = new RTCPeerConnection()
  private readonly channel = this.peer.createDataChannel('oai-events')
  private readonly cutter = new LineCutter()
  private readonly parts = new Parts()
  private readonly deadline = setTimeout(() => this.over(this.failure, 'no connection'), CONNECT_MS)
  private readonly tail = new CommitTail((event) => this.channel.readyState === 'open' && this.channel.send(JSON.stringify(event)))
  private readonly asking = new AbortController()
  /** Of a call that rings at the server, and is to be hung up there if nothing comes of it. */
  private ringing: string | null = null
  private uplink: Uplink | null = null
  private downlink: Downlink | null = null
  private patience: ReturnType<typeof setTimeout> | undefined
  /** What it means if nothing more comes of this now: while the server is being asked it is away, else there is no way to it, until there was one. */
  private failure = NO_WAY
  private farewell: { code: number; reason: string } | null = null
  private ended = false

  constructor(private readonly handlers: TransportHandlers) {
    this.channel.onopen = () => {
      clearTimeout(this.deadline)
      this.failure = AWAY
      this.ringing = null
    }
    this.channel.onmessage = ({ data }: MessageEvent<string>) => this.take(data)
    this.channel.onclose = () => this.over(this.farewell?.code ?? this.failure, this.farewell?.reason ?? '')
    this.peer.onconnectionstatechange = () => this.state()
    this.peer.ontrack = ({ track }) => void this.listen(track)
  }

  async begin(url: string): Promise<void> {
    try {
      const uplink = await Uplink.open()
      this.uplink = uplink
      if (this.isOver()) {
        uplink.close()
        return
      }
      this.peer.addTrack(uplink.track, uplink.stream)
      await this.peer.setLocalDescription()
      if (this.isOver()) return
      // The server answers whoever knocks with the call's password; it wants no addresses, so none are waited for.
      this.failure = AWAY
      const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: this.peer.localDescription?.sdp ?? '', signal: this.asking.signal })
      this.rings(answer, url)
      const text = await answer.text()
      if (this.isOver()) return
      if (!answer.ok) {
        this.refused(answer.status, text)
        return
      }
      this.failure = NO_WAY
      await this.peer.setRemoteDescription({ type: 'answer', sdp: text })
    } catch (error) {
      this.over(this.failure, error instanceof Error ? error.message : '')
    }
  }

  private rings(answer: Response, url: string): void {
    const location = answer.headers.get('Location')
    if (answer.status !== 201 || location === null) return
    this.ringing = new URL(location, url).toString()
    if (this.isOver()) this.hangUp()
  }

  /** The server is told nothing by a connection that never stood. */
  private hangUp(): void {
    if (this.ringing === null) return
    // Whoever leaves the page takes this with them.
    void fetch(this.ringing, { method: 'DELETE', keepalive: true }).catch(() => undefined)
    this.ringing = null
  }

  send(event: ClientEvent): boolean {
    if (this.channel.readyState !== 'open') return false
    this.tail.send(event)
    return true
  }

  sendAudio(pcm: ArrayBuffer): boolean {
    if (this.channel.readyState !== 'open' || this.uplink === null) return false
    this.uplink.push(pcm)
    return true
  }

  close(): void {
    if (this.ended) return
    this.ended = true
    setTimeout(() => this.asking.abort(), LATE_MS)
    this.hangUp()
    clearTimeout(this.deadline)
    clearTimeout(this.patience)
    this.tail.close()
    this.channel.onclose = null
    this.channel.onmessage = null
    this.peer.onconnectionstatechange = null
    this.uplink?.close()
    this.downlink?.close()
    this.peer.close()
  }

  private take(data: string): void {
    const text = this.parts.take(data)
    const event = text === null ? null : readEvent(text)
    if (text === null || event === null) return
    if (event.type === 'souffleur.closed') this.farewell = { code: event.code, reason: event.reason }
    else this.pass(event, text)
  }

  private pass(event: ServerEvent, text: string): void {
    this.cutter.take(event)
    this.handlers.onText(text)
  }

  /** The browser itself waits half a minute before it calls a connection failed; to come again is quicker. */
  private state(): void {
    const { connectionState } = this.peer
    clearTimeout(this.patience)
    if (connectionState === 'failed') this.over(this.failure, 'the connection failed')
    else if (connectionState === 'disconnected') this.patience = setTimeout(() => this.over(this.failure, 'the connection was lost'), LOST_MS)
  }

  private async listen(track: MediaStreamTrack): Promise<void> {
    try {
      const downlink = await Downlink.open(track, (frame) => {
        if (this.cutter.frame(frame.level)) this.handlers.onAudio(frame.pcm)
      })
      if (this.isOver()) downlink.close()
      else this.downlink = downlink
    } catch (error) {
      // A call that cannot be heard here is none, and the next one would not be either.
      this.over(NO_CALLS, error instanceof Error ? error.message : '')
    }
  }

  private refused(status: number, text: string): void {
    let detail = text
    try {
      detail = (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? text
    } catch {
      // Whatever stands between us and the server said this.
    }
    if (status === 501) this.over(NO_CALLS, detail)
    else if (status === 429) this.over(NO_WAY, detail)
    else this.over(status >= 500 ? TRY_AGAIN : POLICY, detail)
  }

  private isOver(): boolean {
    return this.ended
  }

  private over(code: number, reason: string): void {
    if (this.isOver()) return
    this.close()
    this.handlers.onClose(code, reason)
  }
}
