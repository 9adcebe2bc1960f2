/** Corrections over REST: told, waited for, undone. */
import { Problem, request } from '@/lib/api/client'
import { ulid } from '@/lib/realtime/ulid'

import { asOperator } from '../api/operator'
import type { Correction } from './changes'

/** What the margin tells besides what the text tells. */
export type CardCorrection =
  | { kind: 'note'; text: string; scope: string; removes: number }
  | { kind: 'decide'; recommendation: string; state: 'accepted' | 'pinned' | 'rejected'; text?: string }
export type AnyCorrection = Correction | CardCorrection

export interface Told {
  id: string
  kind: string
  state: 'pending' | 'applied' | 'conflicted' | 'dead'
  seq: number
  detail: string
  /** The wording that stands, where it is another one than the editor saw. */
  current: string
}

const POLL_MS = [60, 120, 250, 500, 1000] as const

const pathOf = (session: string) => `/api/sessions/${encodeURIComponent(session)}`

interface Way {
  /** Told again with the same id it happens once. */
  id?: string
  /** The server has it: it cannot be lost any more. */
  accepted?: () => void
  signal?: AbortSignal
}

/** Tell it and wait until it is applied, conflicted or dead. Throws `Problem`. */
export async function tell(session: string, correction: AnyCorrection, { id = ulid(), accepted = () => undefined, signal = new AbortController().signal }: Way): Promise<Told> {
  let told = await posted(session, { ...correction, id }, signal)
  accepted()
  for (let attempt = 0; told.state === 'pending'; attempt++) {
    await pause(POLL_MS[Math.min(attempt, POLL_MS.length - 1)] ?? 1000, signal)
    told = await asked(session, id, signal, told)
  }
  return told
}

/** Sent again with the same id it is told once, so a broken connection costs nothing. */
async function posted(session: string, body: object, signal: AbortSignal): Promise<Told> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await asOperator<Told>(`${pathOf(session)}/corrections`, { method: 'POST', body, signal })
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'unreachable' || attempt >= 4) throw error
      await pause(500 * 2 ** attempt, signal)
    }
  }
}

/** As long as the server is away it stays as it was. */
async function asked(session: string, id: string, signal: AbortSignal, before: Told): Promise<Told> {
  try {
    return await request<Told>(`${pathOf(session)}/corrections/${id}`, { signal })
  } catch (error) {
    if (error instanceof Problem && (error.status === 0 || error.status >= 500)) return before
    throw error
  }
}

/** Take back one's last act. */
export function undo(session: string): Promise<unknown> {
  return asOperator(`${pathOf(session)}/undo`, { method: 'POST', body: {} })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(new DOMException('left', 'AbortError'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
