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
const SETTLED: ReadonlySet<string> = new Set(['applied', 'conflicted', 'dead', 'refused'])
const FIRST_LOOK_MS = 150
const LONGEST_LOOK_MS = 4000

export class Ledger {
  /** Newest first. */
  readonly deeds$ = new BehaviorSubject<readonly Deed[]>([])
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(
    private readonly wire: Wire,
    private readonly newId: () => string,
  ) {}

  /** Send it and follow it; true once it is accepted. */
  async correct(correction: Correction): Promise<boolean> {
    const id = this.newId()
    this.deeds$.next([{ id, kind: correction.kind, text: wordsOf(correction), state: 'sending' as const, detail: '', current: '', correction }, ...this.deeds$.value].slice(0, KEPT))
    try {
      this.note(id, await this.wire.post(id, correction))
      if (this.open(id)) this.lookAfter(id, FIRST_LOOK_MS)
      return true
    } catch (error) {
      this.change(id, { state: 'refused', detail: error instanceof Problem ? error.detail || error.code : '' })
      return false
    }
  }

  /** In a conflict: say it once more, whatever stands there now. */
  insist(deed: Deed): void {
    this.drop(deed.id)
    const again = { ...deed.correction }
    delete again.base
    void this.correct(again)
  }

  /** Put it away. */
  drop(id: string): void {
    this.deeds$.next(this.deeds$.value.filter((deed) => deed.id !== id))
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  private lookAfter(id: string, ms: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.wire.look(id).then(
        (row) => {
          this.note(id, row)
          if (this.open(id)) this.lookAfter(id, Math.min(LONGEST_LOOK_MS, ms * 2))
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

function wordsOf(correction: Correction): string {
  if ('text' in correction && correction.text) return correction.text
  return correction.kind === 'scene' ? [correction.heading, correction.description].filter(Boolean).join(' — ') : ''
}
