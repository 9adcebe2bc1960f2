/** Corrections that are not applied, or never will be as they are. */
import type { Correction } from './changes'

/** A correction that did not go through. */
export interface Trouble {
  id: string
  block: number
  correction: Correction
  kind: 'conflict' | 'failed'
  /** What the editor wrote, and what stands meanwhile. */
  mine: string
  theirs: string
  error: unknown
}

/** A correction that is not applied: it is being told, or has come to grief. */
export interface Item {
  id: string
  block: number
  correction: Correction
  /** The insertion that it is to stand behind, as long as that one is no fact. */
  behind: string
  trouble: Pick<Trouble, 'kind' | 'theirs' | 'error'> | null
}
