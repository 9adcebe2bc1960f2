/** What one key or one tap does: on the draft at hand, on the current character. Buttons and keys share these. */
import type { HeldLine } from '@/lib/realtime/protocol'

import type { LiveAct } from '../api/acts'
import type { DeskSession } from './deskSession'
import { lineIn, meant, othersClaim } from './states'

/** What a steer tells the character, in plain words for its next line. */
export const STEERS = {
  refuse: 'Refuse what is being asked of you, in your own way.',
  lie: 'Lie about this, convincingly. Do not give the lie away.',
  stall: 'Stall for time: evade, ask back, give nothing away yet.',
  failed: 'The check failed: what was just attempted does not work on you.',
  wrap: 'Bring this conversation to an end within a line or two.',
  angrier: 'Say it angrier.',
  shorter: 'Say it much shorter: one brief sentence.',
} as const

export type Steer = keyof typeof STEERS
/** These are about how it is said, so what is being said is taken once more. */
const RETAKES: ReadonlySet<Steer> = new Set(['angrier', 'shorter'])

/** The draft at hand. */
export function atHand(desk: DeskSession): HeldLine | undefined {
  return meant(desk.desk$.value.held, desk.stand.at.held)
}

/** Release it, in these words if there are any; true if that was done. */
export async function approve(desk: DeskSession, held: HeldLine | undefined = atHand(desk), text = ''): Promise<boolean> {
  if (held === undefined) return false
  if (othersClaim(held, desk.me)) {
    desk.tell('others_claim', held.claimed_by_name, 'warning')
    return false
  }
  return decided(desk, { kind: 'release', line: held.line, ...(text === '' ? {} : { text }) })
}

/** Open the draft for editing or rejecting: it is ours meanwhile. */
export function decide(desk: DeskSession, deciding: 'edit' | 'reject', held: HeldLine | undefined = atHand(desk)): void {
  if (held === undefined) return
  if (othersClaim(held, desk.me)) {
    desk.tell('others_claim', held.claimed_by_name, 'warning')
    return
  }
  desk.stand.turn({ held: held.line, deciding, part: 'live' })
  void desk.claim(held.line).then((ours) => {
    if (!ours && desk.stand.at.held === held.line) desk.stand.turn({ deciding: 'choose' })
  })
}

/** Leave the draft as it is. */
export function leave(desk: DeskSession, line: string): void {
  desk.stand.turn({ deciding: 'choose' })
  void desk.unclaim(line)
}

/** Refuse it for this reason; true if that was done. */
export function reject(desk: DeskSession, line: string, reason: string): Promise<boolean> {
  return decided(desk, { kind: 'reject', line, direction: reason })
}

/** What was written on the draft is put away only when the decision stands; meanwhile the same draft is not decided on twice. */
async function decided(desk: DeskSession, act: LiveAct & { line: string }): Promise<boolean> {
  if (desk.deciding.has(act.line)) return false
  desk.deciding.add(act.line)
  try {
    if (!(await desk.act(act))) return false
    // The hand may be on another draft by now.
    if (desk.stand.at.held === '' || desk.stand.at.held === act.line) desk.stand.turn({ held: '', deciding: 'choose' })
    return true
  } finally {
    desk.deciding.delete(act.line)
  }
}

/** Another draft comes under the hand. */
export function turnTo(desk: DeskSession, step: number): void {
  const waiting = desk.desk$.value.held.filter((held) => !held.queued)
  const now = waiting.findIndex((held) => held.line === atHand(desk)?.line)
  const next = waiting[(now + step + waiting.length) % Math.max(1, waiting.length)]
  if (next !== undefined) desk.stand.turn({ held: next.line, deciding: 'choose' })
}

/** A held line is drafted anew, a spoken one said again where the way of saying it is meant; else the very next line obeys. */
export function steer(desk: DeskSession, character: string, how: Steer): void {
  const direction = STEERS[how]
  const held = desk.desk$.value.held.findLast((one) => one.character === character && !one.queued)
  if (held !== undefined) {
    void reject(desk, held.line, direction)
    return
  }
  const { view } = desk.transcript$.value
  const open = view.openLine === null ? undefined : lineIn(view, view.openLine)
  if (open?.character === character && RETAKES.has(how)) void desk.act({ kind: 'retake', line: open.line, direction })
  else void desk.correct({ kind: 'note', text: direction, character, scope: 'once' })
}

/** Hear the draft before anybody else does. */
export function listenTo(desk: DeskSession, output: string, held: HeldLine | undefined = atHand(desk)): void {
  if (held === undefined) return
  if (desk.preview.line$.value === held.line) {
    desk.preview.stop()
    return
  }
  const line = lineIn(desk.transcript$.value.view, held.line)
  if (line === undefined || line.sentences.length === 0) return
  desk.preview.play(held.line, held.character, line.sentences, output).catch((error: unknown) => desk.failed(error))
}

export function setMuted(desk: DeskSession, character: string): void {
  void desk.act({ kind: desk.desk$.value.muted.includes(character) ? 'unmute' : 'mute', character })
}
