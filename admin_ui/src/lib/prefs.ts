/** What this browser remembers for itself; kept under `souffleur.prefs` in local storage. */
import { useSyncExternalStore } from 'react'

import type { TransportKind } from '@/lib/realtime/transport'

export interface Prefs {
  theme: 'system' | 'light' | 'dark'
  /** Empty = the browser's. */
  language: '' | 'en' | 'ru' | 'zh'
  /** How the player is called at the table. */
  name: string
  /** How the director is called at the desk; empty = as at the table. */
  director: string
  /** The microphone can hear the loudspeakers: the echo guard is needed. */
  loudspeakers: boolean
  /** Empty = the browser's default microphone. */
  microphone: string
  talk: 'hands-free' | 'push'
  /** How many sit behind this microphone; from two on it is the room's, and answers only to a name or the master's key. */
  heads: number
  /** How the table's sound travels. */
  transport: TransportKind
  /** Characters are heard, not only read. */
  voices: boolean
  /** The director's desk plays the table's voices as well. */
  deskVoices: boolean
  /** Where the desk plays the table's voices; empty = the default output. */
  tableOutput: string
  /** Where the desk plays what only the master hears; empty = the default output. */
  privateOutput: string
}

export const DEFAULTS: Prefs = { theme: 'system', language: '', name: '', director: '', loudspeakers: true, microphone: '', talk: 'hands-free', heads: 1, transport: 'websocket', voices: true, deskVoices: false, tableOutput: '', privateOutput: '' }
const KEY = 'souffleur.prefs'

let current: Prefs = load()
const listeners = new Set<() => void>()

function load(): Prefs {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return typeof stored === 'object' && stored !== null ? { ...DEFAULTS, ...stored } : DEFAULTS
  } catch {
    return DEFAULTS
  }
}

/** Change and remember; without storage it lasts as long as the page. */
export function setPrefs(patch: Partial<Prefs>): void {
  current = { ...current, ...patch }
  try {
    localStorage.setItem(KEY, JSON.stringify(current))
  } catch {
    // Private windows may have no storage.
  }
  for (const listener of listeners) listener()
}

export function prefs(): Prefs {
  return current
}

export function onPrefs(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(onPrefs, prefs)
}
