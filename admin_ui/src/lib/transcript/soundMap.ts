/** Where the words of a line lie in its sound, and which one is under the play head. Pure. */

export interface WordMark {
  /** Code points in the sentence's clean text. */
  start: number
  end: number
  /** From the line's start. */
  at_ms: number
}

/** Where the sound of a line's sentences and words lies. */
export interface SoundMap {
  /** Where each sentence starts, by its seq, in ms from the line's start. */
  sentences: ReadonlyMap<number, number>
  words: ReadonlyMap<number, readonly WordMark[]>
}

export const UNCHARTED: SoundMap = { sentences: new Map(), words: new Map() }

/** What is being said: a sentence, and in it the word from `start` to `end`; without word marks the whole sentence. */
export interface SpokenPlace {
  line: string
  seq: number
  word: { start: number; end: number } | null
}

/** The place `ms` into a line; null before its first sentence. */
export function placeAt(map: SoundMap, line: string, ms: number): SpokenPlace | null {
  let seq = 0
  let from = Number.NEGATIVE_INFINITY
  for (const [sentence, at] of map.sentences) {
    if (at <= ms && at >= from) [seq, from] = [sentence, at]
  }
  if (seq === 0) return null
  const mark = map.words.get(seq)?.findLast((word) => word.at_ms <= ms)
  return { line, seq, word: mark === undefined ? null : { start: mark.start, end: mark.end } }
}

export function samePlace(a: SpokenPlace | null, b: SpokenPlace | null): boolean {
  return a === b || (a !== null && b !== null && a.line === b.line && a.seq === b.seq && a.word?.start === b.word?.start && a.word?.end === b.word?.end)
}
