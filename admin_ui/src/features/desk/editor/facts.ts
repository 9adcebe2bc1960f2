/** A session's facts as they happen, over server-sent events, folded. For a page that has no realtime connection of its own. */
import { useEffect, useState } from 'react'
import { BehaviorSubject } from 'rxjs'

import { Problem, request } from '@/lib/api/client'
import type { Fact } from '@/lib/transcript/fact'
import { advance, BLANK, type Transcript } from '@/lib/transcript/fold'
import { useObservable } from '@/lib/useObservable'

export type FactsState = { kind: 'connecting' | 'live' | 'waiting' } | { kind: 'refused'; error: unknown }

const FOLD_MS = 30

export class FactsFeed {
  readonly transcript$ = new BehaviorSubject<Transcript>(BLANK)
  readonly state$ = new BehaviorSubject<FactsState>({ kind: 'connecting' })
  private readonly incoming: Fact[] = []
  private folding: ReturnType<typeof setTimeout> | null = null
  private source: EventSource | null = null
  private retry: ReturnType<typeof setTimeout> | null = null

  constructor(private readonly session: string) {}

  open(): void {
    // The browser comes back by itself with Last-Event-ID, unless the server refused.
    const source = new EventSource(`/api/sessions/${encodeURIComponent(this.session)}/facts?after=${this.transcript$.value.view.seq}`)
    source.onopen = () => this.state$.next({ kind: 'live' })
    source.addEventListener('fact', (event: MessageEvent<string>) => this.take(JSON.parse(event.data) as Fact))
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) void this.ask()
      else this.state$.next({ kind: 'waiting' })
    }
    this.source = source
  }

  close(): void {
    this.source?.close()
    this.source = null
    if (this.folding !== null) clearTimeout(this.folding)
    if (this.retry !== null) clearTimeout(this.retry)
  }

  /** Why it was refused; what may pass is tried again. */
  private async ask(): Promise<void> {
    try {
      await request(`/api/sessions/${encodeURIComponent(this.session)}/facts?limit=1`)
    } catch (error) {
      if (error instanceof Problem && error.status >= 400 && error.status < 500) {
        this.state$.next({ kind: 'refused', error })
        return
      }
    }
    if (this.source === null) return
    this.state$.next({ kind: 'waiting' })
    this.retry = setTimeout(() => this.open(), 2000)
  }

  private take(fact: Fact): void {
    this.incoming.push(fact)
    this.folding ??= setTimeout(() => {
      this.folding = null
      this.transcript$.next(this.incoming.splice(0).reduce(advance, this.transcript$.value))
    }, FOLD_MS)
  }
}

/** One feed per session, open as long as the page is; null until then. */
export function useFacts(session: string): FactsFeed | null {
  const [feed$] = useState(() => new BehaviorSubject<FactsFeed | null>(null))
  useEffect(() => {
    const made = new FactsFeed(session)
    made.open()
    feed$.next(made)
    return () => {
      made.close()
      feed$.next(null)
    }
  }, [session, feed$])
  return useObservable(feed$)
}
