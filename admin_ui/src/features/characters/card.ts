/** The card's `data` object (V3) as the form sees it; keys the form does not know are kept as they were. Pure. */
import type { VoiceProfile } from '@/lib/api/types'

export interface Ours {
  language?: string
  tagline?: string
  color?: string
  voice?: VoiceProfile
  [other: string]: unknown
}

export interface CardData {
  name?: string
  nickname?: string
  description?: string
  personality?: string
  scenario?: string
  first_mes?: string
  mes_example?: string
  alternate_greetings?: string[]
  system_prompt?: string
  post_history_instructions?: string
  creator_notes?: string
  creator?: string
  character_version?: string
  tags?: string[]
  extensions?: { souffleur?: Ours; [other: string]: unknown }
  [other: string]: unknown
}

/** Everything the form edits, as text where a person types text. */
export interface CardForm {
  name: string
  nickname: string
  tagline: string
  language: string
  color: string
  description: string
  personality: string
  scenario: string
  first_mes: string
  alternate_greetings: string[]
  mes_example: string
  system_prompt: string
  post_history_instructions: string
  creator_notes: string
  creator: string
  character_version: string
  /** Comma-separated. */
  tags: string
  voice_engine: string
  voice_name: string
  voice_language: string
  rate: number
  pitch: number
  volume: number
}

const TEXTS = ['name', 'nickname', 'description', 'personality', 'scenario', 'first_mes', 'mes_example', 'system_prompt', 'post_history_instructions', 'creator_notes', 'creator', 'character_version'] as const

export function formOf(data: CardData): CardForm {
  const ours = data.extensions?.souffleur ?? {}
  const voice = ours.voice ?? {}
  const texts = Object.fromEntries(TEXTS.map((key) => [key, data[key] ?? ''])) as Pick<CardForm, (typeof TEXTS)[number]>
  return {
    ...texts,
    tagline: ours.tagline ?? '',
    language: ours.language ?? '',
    color: ours.color ?? '#b5651d',
    alternate_greetings: data.alternate_greetings ?? [],
    tags: (data.tags ?? []).join(', '),
    voice_engine: voice.engine ?? '',
    voice_name: voice.name ?? '',
    voice_language: voice.language ?? '',
    rate: voice.rate ?? 1,
    pitch: voice.pitch ?? 1,
    volume: voice.volume ?? 1,
  }
}

export function dataOf(form: CardForm, base: CardData): CardData {
  const texts = Object.fromEntries(TEXTS.map((key) => [key, form[key].trim()]))
  const ours = base.extensions?.souffleur ?? {}
  const voice: VoiceProfile = {
    ...ours.voice,
    engine: form.voice_engine.trim(),
    name: form.voice_name.trim(),
    language: form.voice_language.trim(),
    rate: form.rate,
    pitch: form.pitch,
    volume: form.volume,
  }
  return {
    ...base,
    ...texts,
    alternate_greetings: form.alternate_greetings.map((greeting) => greeting.trim()).filter((greeting) => greeting !== ''),
    tags: form.tags.split(/[,，]/).map((tag) => tag.trim()).filter((tag) => tag !== ''),
    extensions: { ...base.extensions, souffleur: { ...ours, tagline: form.tagline.trim(), language: form.language.trim(), color: form.color, voice } },
  }
}
