/** Where the director's attention is: the character, the draft, the entry and the tool at hand. */
import { BehaviorSubject } from 'rxjs'

export const TOOLS = ['note', 'whisper', 'puppet', 'narrate', 'address', 'scene', 'roll'] as const
export type Tool = (typeof TOOLS)[number]

export const PANELS = ['notes', 'advice', 'queue', 'memory', 'character', 'figures', 'sound'] as const
export type Panel = (typeof PANELS)[number]

/** What is done with the chosen entry of the transcript. */
export type Doing = 'menu' | 'edit' | 'retake' | 'insert' | 'retcon' | 'erase'

export interface Attention {
  /** Slug; empty = all of them. */
  character: string
  /** The draft at hand; empty = the one that is meant. */
  held: string
  /** What is done with that draft. */
  deciding: 'choose' | 'edit' | 'reject'
  /** Seq of the chosen entry; 0 = none. */
  entry: number
  doing: Doing
  tool: Tool
  panel: Panel
  /** On a narrow screen: which part is shown. */
  part: 'cast' | 'live' | 'panels'
  help: boolean
  prompter: boolean
}

const FIRST: Attention = { character: '', held: '', deciding: 'choose', entry: 0, doing: 'menu', tool: 'note', panel: 'notes', part: 'live', help: false, prompter: false }

export class Stand {
  readonly at$ = new BehaviorSubject<Attention>(FIRST)
  /** Asks the composer for the focus. */
  readonly compose$ = new BehaviorSubject(0)

  get at(): Attention {
    return this.at$.value
  }

  turn(patch: Partial<Attention>): void {
    this.at$.next({ ...this.at$.value, ...patch })
  }

  /** Take up a tool and begin to write. */
  take(tool: Tool): void {
    this.turn({ tool, part: 'live' })
    this.compose$.next(this.compose$.value + 1)
  }
}
