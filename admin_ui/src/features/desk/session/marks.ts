/** A line with its feelings as text, as characters write it: `[fear:0.8 whisper] Who is there?` Pure. */

export const EMOTIONS = ['neutral', 'joy', 'sadness', 'anger', 'fear', 'disgust', 'surprise', 'tenderness', 'contempt', 'weariness'] as const
export const MANNERS = ['plain', 'whisper', 'shout', 'sing-song', 'sarcastic'] as const

/** One sentence and how it is said. */
export interface Felt {
  text: string
  emotion: string
  intensity: number
  manner: string
}

const flat = ({ emotion, manner }: Felt) => emotion === 'neutral' && manner === 'plain'

function markOf({ emotion, intensity, manner }: Felt): string {
  const strength = emotion === 'neutral' ? '' : `:${Math.round(intensity * 100) / 100}`
  return `[${emotion}${strength}${manner === 'plain' ? '' : ` ${manner}`}]`
}

/** The line as one text; sentences without words are left out, and marks where nothing is felt. */
export function marked(sentences: readonly Felt[]): string {
  const worded = sentences.map((sentence) => ({ ...sentence, text: sentence.text.trim() })).filter((sentence) => sentence.text !== '')
  const bare = worded.every(flat)
  return worded.map((sentence) => (bare ? sentence.text : `${markOf(sentence)} ${sentence.text}`)).join(' ')
}

/** The words alone. */
export function plain(sentences: readonly { text: string }[]): string {
  return sentences.map((sentence) => sentence.text.trim()).join(' ').trim()
}
