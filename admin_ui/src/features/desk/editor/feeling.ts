/** `(joy 0.8, whisper)`: how a sentence is felt, as it stands between parentheses. Pure; as the server writes and reads it. */

export interface Feeling {
  emotion: string
  intensity: number
  manner: string
}

export const PLAIN: Feeling = { emotion: 'neutral', intensity: 0.5, manner: 'plain' }
export const EMOTIONS = ['neutral', 'joy', 'sadness', 'anger', 'fear', 'disgust', 'surprise', 'tenderness', 'contempt', 'weariness'] as const
export const MANNERS = ['whisper', 'shout', 'sing-song', 'sarcastic'] as const

export function sameFeeling(one: Feeling, other: Feeling): boolean {
  return one.emotion === other.emotion && Math.abs(one.intensity - other.intensity) < 1e-9 && one.manner === other.manner
}

/** Always with parentheses: `(neutral)` where there is nothing to say. */
export function writtenFeeling({ emotion, intensity, manner }: Feeling): string {
  const level = intensity === 0.5 ? '' : ` ${String(intensity)}`
  return `(${emotion}${level}${manner === 'plain' || manner === '' ? '' : `, ${manner}`})`
}

/** Null if the line is no parenthetical. A lone manner (`(whisper)`) is said neutrally in that manner. */
export function readFeeling(line: string): Feeling | null {
  const inside = /^\s*\(([^()]*)\)\s*$/.exec(line)?.[1]?.trim().toLowerCase()
  if (inside === undefined) return null
  const [feeling = '', ...rest] = inside.split(',')
  const words = feeling.trim().split(/\s+/).filter((word) => word !== '')
  const level = words.length > 1 ? Number(words.at(-1)) : NaN
  const intensity = Number.isFinite(level) ? Math.min(1, Math.max(0, level)) : 0.5
  const emotion = (Number.isFinite(level) ? words.slice(0, -1) : words).join(' ') || 'neutral'
  const manner = rest.join(',').trim() || 'plain'
  const lone = manner === 'plain' && (MANNERS as readonly string[]).includes(emotion)
  return lone ? { emotion: 'neutral', intensity, manner: emotion } : { emotion, intensity, manner }
}
