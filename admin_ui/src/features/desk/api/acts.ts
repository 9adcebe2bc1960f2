/** What a director does, over REST: live acts go straight to the stage, text acts are accepted first and applied in a moment. */
import { request } from '@/lib/api/client'

import { asOperator } from './operator'

/** A live act. Told twice under the same id it happens once. */
export interface LiveAct {
  kind: 'halt' | 'resume' | 'mute' | 'unmute' | 'hold' | 'release' | 'reject' | 'retake' | 'puppet' | 'next' | 'claim' | 'unclaim' | 'mode' | 'deliver' | 'stop' | 'move' | 'safety' | 'voices'
  line?: string
  character?: string
  text?: string
  direction?: string
  place?: string
  /** mode: of one platform only. */
  platform?: string
}

/** A text act: it changes the transcript, or what steers the characters. */
export type Correction = (
  | { kind: 'edit'; target: number; text: string; emotion?: string; intensity?: number; manner?: string }
  | { kind: 'strike'; targets: number[] }
  | { kind: 'insert'; after: number; block: 'said' | 'line' | 'action'; text: string; member?: string; emotion?: string }
  | { kind: 'note'; text: string; character?: string; scope?: 'once' | 'turns' | 'until_removed'; turns?: number; removes?: number }
  | { kind: 'whisper'; character: string; text: string }
  | { kind: 'retcon'; to: number }
  | { kind: 'erase'; seqs: number[] }
  | { kind: 'scene'; heading?: string; description?: string }
  | { kind: 'reveal'; character: string; secret: string }
  | { kind: 'decide'; recommendation: string; state: 'accepted' | 'pinned' | 'rejected'; text?: string }
) & { base?: number; place?: string }

export type CorrectionState = 'pending' | 'applied' | 'conflicted' | 'dead'

export interface CorrectionRow {
  id: string
  session: string
  kind: string
  state: CorrectionState
  seq: number
  detail: string
  /** The wording that stands, where it changed meanwhile. */
  current: string
}

const inSession = (session: string, path: string) => `/api/sessions/${encodeURIComponent(session)}/${path}`

export const postAct = (session: string, id: string, act: LiveAct) => asOperator<{ id: string; seq: number; line: string }>(inSession(session, 'acts'), { method: 'POST', body: { id, ...act } })

export const postCorrection = (session: string, id: string, correction: Correction) => asOperator<CorrectionRow>(inSession(session, 'corrections'), { method: 'POST', body: { id, ...correction } })

export const getCorrection = (session: string, id: string) => request<CorrectionRow>(inSession(session, `corrections/${encodeURIComponent(id)}`))

export const postUndo = (session: string) => asOperator<{ kind?: string }>(inSession(session, 'undo'), { method: 'POST' })

export const postRoll = (session: string, expression: string, purpose: string) => request<unknown>(inSession(session, 'rolls'), { method: 'POST', body: { expression, purpose } })
