/** The page's side of the microphone: asks for it, lists devices, gives frames. */
import { Observable } from 'rxjs'

import { tapped } from '@/lib/audio/capture'
import type { CapturedFrame } from '@/lib/audio/messages'

export interface MicrophoneChoice {
  /** Empty = the browser's default. */
  deviceId: string
  /** Without echo cancellation, noise suppression and gain control: for measuring, never for a table. */
  raw: boolean
}

/** `?rawmic=1` in the page's address asks for the untouched microphone. */
export function rawAsked(search: string): boolean {
  return new URLSearchParams(search).get('rawmic') === '1'
}

/** Why the microphone cannot be had, as a name the page has words for. */
export type MicrophoneFault = 'insecure' | 'denied' | 'missing' | 'busy' | 'failed'

export function faultOf(error: unknown): MicrophoneFault {
  const name = error instanceof DOMException || error instanceof Error ? error.name : ''
  if (name === 'InsecureContextError') return 'insecure'
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  return 'failed'
}

/** Frames while subscribed; unsubscribing lets the device go. Errors as getUserMedia does. */
export function microphone(choice: MicrophoneChoice): Observable<CapturedFrame> {
  return new Observable((subscriber) => {
    let release: (() => void) | null = null
    let over = false
    open(choice, (frame) => subscriber.next(frame), () => subscriber.error(new DOMException('the microphone went away', 'NotFoundError'))).then(
      (made) => {
        if (over) made()
        else release = made
      },
      (error: unknown) => subscriber.error(error),
    )
    return () => {
      over = true
      release?.()
    }
  })
}

/** The inputs there are; labels are empty until the microphone was allowed once. */
export async function inputs(): Promise<MediaDeviceInfo[]> {
  if (!('mediaDevices' in navigator)) return []
  const devices = await navigator.mediaDevices.enumerateDevices()
  return devices.filter((device) => device.kind === 'audioinput' && device.deviceId !== '')
}

async function open(choice: MicrophoneChoice, onFrame: (frame: CapturedFrame) => void, onLost: () => void): Promise<() => void> {
  if (!window.isSecureContext) throw Object.assign(new Error('not a secure page'), { name: 'InsecureContextError' })
  const clean = !choice.raw
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {
      echoCancellation: clean,
      noiseSuppression: clean,
      autoGainControl: clean,
      channelCount: 1,
      ...(choice.deviceId === '' ? {} : { deviceId: { exact: choice.deviceId } }),
    },
  })
  const stopTracks = () => stream.getTracks().forEach((track) => track.stop())
  try {
    const untap = await tapped(stream, onFrame)
    stream.getAudioTracks()[0]?.addEventListener('ended', onLost)
    return () => {
      untap()
      stopTracks()
    }
  } catch (error) {
    stopTracks()
    throw error
  }
}
