/** The director's own acts of this page and what became of each: sent, pending, applied, in conflict, dead or refused. */
import { BehaviorSubject } from 'rxjs'

import { Problem } from '@/lib/api/client'

import type { Correction, CorrectionRow } from '../api/acts'

export interface Deed {
  id: string
  kind: string
  /** The words it is about. */
  text: string
  state: 'sending' | 'pending' | 'applied' | 'conflicted' | 'dead' | 'refused'
  detail: string
  /** In a conflict: the wording that stands. */
  current: string
  correction: Correction
}

/** How the ledger reaches the gateway. */
export interface Wire {
  post: (id: string, correction: Correction) => Promise<CorrectionRow>
  look: (id: string) => Promise<CorrectionRow>
}

const KEPT = 30
/** With the bus down everything waits, and is kept: up to here. */
const MOST = 300
const SETTLED: ReadonlySet<string> = new Set(['applied', 'conflicted', 'dead', 'refused'])
/** Without any answer it is told again under its id, so that it stands once; after this it is for the director to say. */
const AGAIN_MS = [500, 2000]
const FIRST_LOOK_MS = 150
const LONGEST_LOOK_MS = 4000

export class Ledger {
  /** Newest first. */
  readonly deeds$ = new BehaviorSubject<readonly Deed[]>([])
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  private closed = false

  constructor(
    private readonly wire: Wire,
    private readonly newId: () => string,
  ) {}

  /** Send it and follow it; true once it is accepted. What was refused keeps its id when it is said again: it may have arrived after all. */
  async correct(correction: Correction): Promise<boolean> {
    const refused = this.deeds$.value.find((deed) => deed.state === 'refused' && same(deed.correction, correction))
    const id = refused?.id ?? this.newId()
    this.drop(id)
    this.deeds$.next(kept([{ id, kind: correction.kind, text: wordsOf(correction), state: 'sending', detail: '', current: '', correction }, ...this.deeds$.value]))
    try {
      this.note(id, await this.post(id, correction))
      this.lookAfter(id, FIRST_LOOK_MS)
      return true
    } catch (error) {
      this.change(id, { state: 'refused', detail: error instanceof Problem ? error.detail || error.code : '' })
      return false
    }
  }

  /** Say it once more; in a conflict whatever stands there now. */
  insist(deed: Deed): void {
    const again = { ...deed.correction }
    if (deed.state !== 'refused') {
      this.drop(deed.id)
      delete again.base
    }
    void this.correct(again)
  }

  /** Put it away. */
  drop(id: string): void {
    this.deeds$.next(this.deeds$.value.filter((deed) => deed.id !== id))
  }

  close(): void {
    this.closed = true
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  private async post(id: string, correction: Correction): Promise<CorrectionRow> {
    for (const ms of AGAIN_MS) {
      try {
        return await this.wire.post(id, correction)
      } catch (error) {
        if (answered(error) || this.closed) throw error
      }
      await this.rest(ms)
    }
    return this.wire.post(id, correction)
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.timers.delete(timer)
        resolve()
      }, ms)
      this.timers.add(timer)
    })
  }

  private lookAfter(id: string, ms: number): void {
    if (this.closed || !this.open(id)) return
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.wire.look(id).then(
        (row) => {
          this.note(id, row)
          this.lookAfter(id, Math.min(LONGEST_LOOK_MS, ms * 2))
        },
        // The gateway is away: the act is in its book, so its fate is learned later.
        () => this.lookAfter(id, LONGEST_LOOK_MS),
      )
    }, ms)
    this.timers.add(timer)
  }

  private open(id: string): boolean {
    const deed = this.deeds$.value.find((one) => one.id === id)
    return deed !== undefined && !SETTLED.has(deed.state)
  }

  private note(id: string, { state, detail, current }: CorrectionRow): void {
    this.change(id, { state, detail, current })
  }

  private change(id: string, patch: Partial<Deed>): void {
    this.deeds$.next(this.deeds$.value.map((deed) => (deed.id === id ? { ...deed, ...patch } : deed)))
  }
}

/** The newest; what is still on its way stays, then what still asks for an answer. */
function kept(deeds: readonly Deed[]): readonly Deed[] {
  const settled = deeds.filter((deed) => SETTLED.has(deed.state)).toReversed()
  const first = [...settled.filter((deed) => deed.state === 'applied'), ...settled.filter((deed) => deed.state !== 'applied')]
  const gone = new Set(first.slice(0, Math.max(0, deeds.length - KEPT)))
  return deeds.filter((deed) => !gone.has(deed)).slice(0, MOST)
}

/** The gateway has said no; otherwise nobody knows what became of it. */
function answered(error: unknown): boolean {
  return error instanceof Problem && error.status !== 0
}

function same(one: Correction, other: Correction): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function wordsOf(correction: Correction): string {
  if ('text' in correction && correction.text) return correction.text
  return correction.kind === 'scene' ? [correction.heading, correction.description].filter(Boolean).join(' — ') : ''
}
