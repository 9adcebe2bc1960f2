/** Where a line stands, as the desk shows it: the transcript and the desk's own list together. Pure. */
import type { DeskShown, HeldLine } from '@/lib/realtime/protocol'
import type { LineEntry, View } from '@/lib/transcript/view'

export const CLEAR: DeskShown = { held: [], muted: [], halted: false, mode: 'auto', modes: {}, teleprompted: [], next: {}, platforms: [] }

export type Shown = 'drafting' | 'held' | 'queued' | 'speaking' | 'heard' | 'cut' | 'rejected' | 'aborted'

export function shownState(line: LineEntry, held: readonly HeldLine[]): Shown {
  const waits = held.find((one) => one.line === line.line)
  if (line.state === 'speaking') return line.sentences.length === 0 ? 'drafting' : 'speaking'
  // Released and off the desk: it has the floor.
  if (line.state === 'queued') return waits === undefined ? 'speaking' : 'queued'
  return line.state as Shown
}

/** The line that is meant when none is named: the newest that answers what was said last. */
export function meant(held: readonly HeldLine[], chosen: string): HeldLine | undefined {
  const waiting = held.filter((one) => !one.queued)
  return waiting.find((one) => one.line === chosen) ?? waiting.findLast((one) => !one.stale) ?? waiting.at(-1)
}

/** auto or approve, as it is in force for a character, and whether it is its own. */
export function modeOf(desk: DeskShown, character: string): { mode: string; own: boolean } {
  const own = desk.modes[`character:${character}`] ?? ''
  return { mode: own || desk.mode, own: own !== '' }
}

/** Whose lines a mode is for; without either the whole session's. */
export interface Scope {
  character?: string
  platform?: string
}

/** The mode laid down for exactly these. */
export function modeIn(desk: DeskShown, { character, platform }: Scope): 'auto' | 'approve' | 'inherit' {
  const own = character !== undefined ? desk.modes[`character:${character}`] : platform !== undefined ? desk.modes[`platform:${platform}`] : desk.mode
  if (own === 'auto' || own === 'approve') return own
  return character === undefined && platform === undefined ? 'auto' : 'inherit'
}

/** What a mode can be laid down for: this page and the HTTP interface, whoever came from elsewhere, and what has a mode already. */
export function platformsOf(desk: DeskShown): string[] {
  const laid = Object.keys(desk.modes).filter((whose) => whose.startsWith('platform:') && desk.modes[whose] !== '')
  return [...new Set(['page', 'api', ...desk.platforms, ...laid.map((whose) => whose.slice('platform:'.length))])]
}

/** Somebody else works on it. */
export function othersClaim(held: HeldLine, me: string): boolean {
  return held.claimed_by !== '' && held.claimed_by !== me
}

export function lineIn(view: View, line: string): LineEntry | undefined {
  return view.entries.findLast((entry): entry is LineEntry => entry.type === 'line' && entry.line === line)
}

/** The last fact of an entry that a retcon to it has to keep. */
export function lastOf(entry: { seq: number; sentences?: readonly { seq: number }[] }): number {
  return Math.max(entry.seq, ...(entry.sentences ?? []).map((sentence) => sentence.seq))
}
