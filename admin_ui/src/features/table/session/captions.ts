/** Who is heard right now and with which words. Pure reducer over server events. */
import type { ServerEvent } from '@/lib/realtime/protocol'

export interface Captions {
  /** What the caption shows: somebody's words, or a character's line (its sentence follows the play head). */
  shown: { kind: 'nobody' } | { kind: 'words'; participant: string; text: string; final: boolean } | { kind: 'line'; line: string }
  /** Participants that speak now. */
  speaking: ReadonlySet<string>
}

export const SILENCE: Captions = { shown: { kind: 'nobody' }, speaking: new Set() }

export function caption(now: Captions, event: ServerEvent, me: string): Captions {
  switch (event.type) {
    case 'souffleur.speech':
      return speech(now, event.participant, event.speaking)
    case 'input_audio_buffer.speech_started':
      return speech(now, me, true)
    case 'input_audio_buffer.speech_stopped':
      return speech(now, me, false)
    case 'souffleur.partial':
      return event.text === '' ? now : { ...now, shown: { kind: 'words', participant: event.participant, text: event.text, final: false } }
    case 'souffleur.said':
      return { ...now, shown: { kind: 'words', participant: event.participant, text: event.text, final: true } }
    case 'souffleur.fact':
      return fact(now, event.fact)
    case 'souffleur.audio':
    case 'souffleur.resume':
      return { ...now, shown: { kind: 'line', line: event.line_id } }
    default:
      return now
  }
}

function speech(now: Captions, participant: string, speaking: boolean): Captions {
  if (now.speaking.has(participant) === speaking) return now
  const next = new Set(now.speaking)
  if (speaking) next.add(participant)
  else next.delete(participant)
  return { shown: speaking ? { kind: 'words', participant, text: '', final: false } : now.shown, speaking: next }
}

function fact(now: Captions, fact: Extract<ServerEvent, { type: 'souffleur.fact' }>['fact']): Captions {
  if (fact.kind === 'said') return { ...now, shown: { kind: 'words', participant: fact.by.id, text: fact.body.text, final: true } }
  if (fact.kind === 'sentence' && !(now.shown.kind === 'line' && now.shown.line === fact.body.line)) return { ...now, shown: { kind: 'line', line: fact.body.line } }
  return now
}
