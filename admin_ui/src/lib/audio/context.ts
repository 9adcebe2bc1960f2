/** The page's one audio clock, at the wire's rate; browsers keep it silent until the first gesture. */
import { BehaviorSubject } from 'rxjs'

import { WIRE_RATE } from '@/lib/audio/pcm'
import playbackUrl from '@/lib/audio/playback.worklet?worker&url'

/** Whether the browser lets us be heard. */
export const audible$ = new BehaviorSubject(false)

let context: AudioContext | null = null
let ready: Promise<AudioContext> | null = null

/** The context with the loudspeaker's worklet loaded. Rejects where the browser has no AudioWorklet. */
export function audioContext(): Promise<AudioContext> {
  ready ??= build().catch((error: unknown) => {
    ready = null
    throw error
  })
  return ready
}

/** Call in a gesture's handler: starts the clock if the browser held it back. */
export function unlockAudio(): void {
  if (context !== null && context.state !== 'running') void context.resume().then(tell)
}

/** Whether this browser can choose where it plays. */
export const outputsCanBeChosen = typeof AudioContext !== 'undefined' && 'setSinkId' in AudioContext.prototype

/** Play the characters' voices at this device; empty = the default one. Rejects where there is no such device. */
export async function playAt(deviceId: string): Promise<void> {
  const made = (await audioContext()) as AudioContext & { setSinkId?: (id: string) => Promise<void> }
  await made.setSinkId?.(deviceId)
}

/** The outputs there are; labels are empty until a microphone was allowed once. */
export async function outputs(): Promise<MediaDeviceInfo[]> {
  if (!('mediaDevices' in navigator)) return []
  const devices = await navigator.mediaDevices.enumerateDevices()
  return devices.filter((device) => device.kind === 'audiooutput' && device.deviceId !== '' && device.deviceId !== 'default')
}

async function build(): Promise<AudioContext> {
  const made = new AudioContext({ sampleRate: WIRE_RATE, latencyHint: 'interactive' })
  context = made
  made.addEventListener('statechange', tell)
  await made.audioWorklet.addModule(playbackUrl)
  tell()
  return made
}

function tell(): void {
  const running = context?.state === 'running'
  if (audible$.value !== running) audible$.next(running)
}
