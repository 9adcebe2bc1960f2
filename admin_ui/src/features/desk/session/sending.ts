/** What is written with each tool: kept until it has gone out, and sent once. */
import { BehaviorSubject } from 'rxjs'

import type { Tool } from './stand'

/** The text, and what stands beside it: a scene's heading, a roll's purpose. */
export interface Words {
  text: string
  extra: string
}

const NONE: Words = { text: '', extra: '' }

export class Sending {
  readonly words$ = new BehaviorSubject<Partial<Record<Tool, Words>>>({})
  /** Tools whose words are on their way. */
  readonly busy$ = new BehaviorSubject<ReadonlySet<Tool>>(new Set())

  /** The words of each tool are kept apart: turning to another does not lose them. */
  of(tool: Tool): Words {
    return this.words$.value[tool] ?? NONE
  }

  write(tool: Tool, patch: Partial<Words>): void {
    this.words$.next({ ...this.words$.value, [tool]: { ...this.of(tool), ...patch } })
  }

  /** Deliver what stands there, unless it is on its way already. What was written meanwhile stays. */
  async send(tool: Tool, deliver: (words: Words) => Promise<boolean>): Promise<void> {
    const sent = this.of(tool)
    const words = { text: sent.text.trim(), extra: sent.extra.trim() }
    if (this.busy$.value.has(tool) || (words.text === '' && (tool !== 'scene' || words.extra === ''))) return
    this.busy$.next(new Set(this.busy$.value).add(tool))
    try {
      if (!(await deliver(words))) return
      const now = this.of(tool)
      this.write(tool, { text: now.text === sent.text ? '' : now.text, extra: now.extra === sent.extra ? '' : now.extra })
    } finally {
      this.busy$.next(new Set([...this.busy$.value].filter((one) => one !== tool)))
    }
  }
}
