/** What is no fact yet: who speaks, with which words so far, and replies that are prepared meanwhile. Pure reducer over server events. */
import type { DraftShown, ServerEvent } from '@/lib/realtime/protocol'

/** A reply that is prepared while somebody still talks; it cannot be released. */
export interface Speculation {
  line: string
  character: string
  utterance: string
  sentences: readonly DraftShown[]
}

export interface Live {
  /** Participants that speak now, and their words so far. */
  speaking: ReadonlyMap<string, string>
  speculations: readonly Speculation[]
}

export const QUIET: Live = { speaking: new Map(), speculations: [] }

export function happened(now: Live, event: ServerEvent): Live {
  switch (event.type) {
    case 'souffleur.speech':
      return speech(now, event.participant, event.speaking)
    case 'souffleur.partial':
      return { ...now, speaking: new Map(now.speaking).set(event.participant, event.text) }
    case 'souffleur.draft':
      return drafted(now, event)
    case 'souffleur.fact':
      if (event.fact.kind === 'said') return speech(now, event.fact.by.id, false)
      return event.fact.kind === 'line_opened' ? without(now, event.fact.body.line) : now
    case 'souffleur.attached':
      return QUIET
    default:
      return now
  }
}

function speech(now: Live, participant: string, speaks: boolean): Live {
  if (now.speaking.has(participant) === speaks) return now
  const speaking = new Map(now.speaking)
  if (speaks) speaking.set(participant, '')
  else speaking.delete(participant)
  return { ...now, speaking }
}

function drafted(now: Live, draft: DraftShown): Live {
  if (draft.state === 'dropped') return without(now, draft.line_id)
  // Promoted: it stays until the line stands in the transcript.
  if (draft.state !== 'preparing' || draft.text === '') return now
  const known = now.speculations.find((one) => one.line === draft.line_id)
  const before = known?.sentences.filter((sentence) => sentence.index < draft.index) ?? []
  const next: Speculation = { line: draft.line_id, character: draft.character, utterance: draft.utterance_id, sentences: [...before, draft] }
  return { ...now, speculations: [...now.speculations.filter((one) => one !== known), next] }
}

function without(now: Live, line: string): Live {
  const speculations = now.speculations.filter((one) => one.line !== line)
  return speculations.length === now.speculations.length ? now : { ...now, speculations }
}
