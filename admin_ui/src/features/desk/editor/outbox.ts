/** Corrections on their way, for each session one outbox: they go on when the editor is left, and what was not accepted is there when it opens again. */
import { BehaviorSubject } from 'rxjs'

import { Problem } from '@/lib/api/client'
import { ulid } from '@/lib/realtime/ulid'

import { tell, type Told } from './api'
import type { Correction } from './changes'
import { Shelf } from './shelf'
import type { Item, Trouble } from './unsent'

export interface Outcome {
  /** The last fact of what was applied; 0 = none. */
  seq: number
  applied: number
  troubles: readonly Trouble[]
}

export interface OutboxState {
  /** Told, and not applied yet. */
  waiting: number
  troubles: readonly Trouble[]
}

/** Tells one correction and waits for its end; `accepted` is called when it cannot be lost any more. Throws `Problem`. */
export type TellOne = (correction: Correction, id: string, accepted: () => void) => Promise<Told>

/** Each is of something that stands already: their order among themselves does not matter. */
const OF_THE_PAST = new Set<Correction['kind']>(['edit', 'strike'])

export class Outbox {
  readonly state$ = new BehaviorSubject<OutboxState>({ waiting: 0, troubles: [] })
  private items: readonly Item[] = []
  /** Of insertions: the facts that they become; 0 = none. */
  private readonly facts = new Map<string, Promise<number>>()

  constructor(
    private readonly tellOne: TellOne,
    private readonly shelf: Shelf,
  ) {
    this.set(shelf.read())
    // Told before the page was loaded anew: the same ids once more, so nothing happens twice.
    void this.carry(this.items.filter((item) => item.trouble === null))
  }

  /** Tell what was changed in a block. */
  async send(block: number, corrections: readonly Correction[]): Promise<Outcome> {
    let last = ''
    const items = corrections.map((correction): Item => {
      const item: Item = { id: ulid(), block, correction, behind: correction.kind === 'insert' ? last : '', trouble: null }
      if (correction.kind === 'insert') last = item.id
      return item
    })
    this.set([...this.items, ...items])
    return this.carry(items)
  }

  /** Once more. Where nobody knows what became of it, the very same: it must not happen twice. Else `over` what stands now. */
  async again(id: string, over: (correction: Correction) => Correction): Promise<Outcome> {
    const item = this.items.find((one) => one.id === id)
    if (item === undefined) return { seq: 0, applied: 0, troubles: [] }
    const next: Item = isSettled(item) ? { ...item, id: ulid(), correction: over(item.correction), trouble: null } : { ...item, trouble: null }
    this.set(this.items.map((one) => (one === item ? next : one)))
    return this.carry([next])
  }

  /** Not told: somebody has to decide first. */
  hold(block: number, held: readonly { correction: Correction; theirs: string }[]): void {
    const items = held.map(({ correction, theirs }): Item => ({ id: ulid(), block, correction, behind: '', trouble: { kind: 'conflict', theirs, error: null } }))
    this.set([...this.items, ...items])
  }

  drop(id: string): void {
    this.set(this.items.filter((item) => item.id !== id))
  }

  /** Whatever has come to grief in a block. */
  dropAll(block: number): void {
    this.set(this.items.filter((item) => item.block !== block || item.trouble === null))
  }

  /** All at once, but what is inserted stands behind what was inserted before it, and what is new now comes in its order. */
  private async carry(items: readonly Item[]): Promise<Outcome> {
    let turn: Promise<unknown> = Promise.resolve()
    const ends = items.map((item) => {
      const { kind } = item.correction
      if (OF_THE_PAST.has(kind)) return this.told(item, () => undefined)
      if (kind === 'insert') {
        const told = this.told(item, () => undefined)
        this.facts.set(item.id, told)
        return told
      }
      const before = turn
      let accept: () => void = () => undefined
      turn = new Promise<void>((resolve) => (accept = resolve))
      return before.then(() => this.told(item, accept)).finally(accept)
    })
    const facts = await Promise.all(ends)
    const ids = new Set(items.map(({ id }) => id))
    return { seq: Math.max(0, ...facts), applied: facts.filter((seq) => seq > 0).length, troubles: this.state$.value.troubles.filter(({ id }) => ids.has(id)) }
  }

  /** The fact that it becomes; 0 = none, and its trouble is noted. */
  private async told(item: Item, accepted: () => void): Promise<number> {
    try {
      const correction = await this.placed(item)
      const { state, seq, current, detail } = await this.tellOne(correction, item.id, accepted)
      if (state === 'applied') {
        this.drop(item.id)
        return seq
      }
      this.change(item.id, { trouble: { kind: state === 'conflicted' ? 'conflict' : 'failed', theirs: current, error: new Problem(409, state, detail) } })
    } catch (error) {
      this.change(item.id, { trouble: { kind: 'failed', theirs: '', error } })
    }
    return 0
  }

  private async placed({ id, correction, behind }: Item): Promise<Correction> {
    if (correction.kind !== 'insert' || behind === '') return correction
    const after = (await this.facts.get(behind)) ?? 0
    const placed = after > 0 ? { ...correction, after } : correction
    this.change(id, { correction: placed, behind: '' })
    return placed
  }

  private change(id: string, change: Partial<Item>): void {
    this.set(this.items.map((item) => (item.id === id ? { ...item, ...change } : item)))
  }

  private set(items: readonly Item[]): void {
    this.items = items
    this.shelf.write(items)
    const troubles = items.flatMap(({ id, block, correction, trouble }) => (trouble === null ? [] : [{ id, block, correction, mine: wordsOf(correction), ...trouble }]))
    this.state$.next({ waiting: items.filter(({ trouble }) => trouble === null).length, troubles })
  }
}

/** The server has said what became of it: then it is told as a new one. */
function isSettled({ trouble }: Item): boolean {
  const error = trouble?.error
  return trouble?.kind === 'conflict' || (error instanceof Problem && error.status >= 400 && error.status < 500)
}

export function wordsOf(correction: Correction): string {
  if (correction.kind === 'strike') return ''
  return correction.kind === 'scene' ? [correction.heading, correction.description].filter((text) => text !== '').join('\n') : correction.text
}

const outboxes = new Map<string, Outbox>()

/** The page's own for this session. */
export function outboxOf(session: string): Outbox {
  const outbox = outboxes.get(session) ?? new Outbox((correction, id, accepted) => tell(session, correction, { id, accepted }), new Shelf(session))
  outboxes.set(session, outbox)
  return outbox
}
