/** Fountain as this editor reads it: what each line of a stretch of text is. Pure; for text that is no fact yet. */

export type LineKind = 'blank' | 'heading' | 'cue' | 'parenthetical' | 'dialogue' | 'action' | 'note' | 'synopsis' | 'boneyard' | 'section' | 'title'

const HEADING = /^\.(?!\.)|^(?:INT|EXT|EST|INT\.?\/EXT|I\/E)[. ]/i

/** One kind per line. Begins outside of any element. */
export function classify(lines: readonly string[]): LineKind[] {
  let speaking = false
  let buried = false
  let noting = false
  return lines.map((line) => {
    const text = line.trim()
    if (buried || text.startsWith('/*')) {
      buried = !text.includes('*/')
      return 'boneyard'
    }
    if (noting || text.startsWith('[[')) {
      noting = !text.includes(']]')
      return 'note'
    }
    if (text === '') {
      speaking = false
      return 'blank'
    }
    if (speaking) return /^\(.*\)$/.test(text) ? 'parenthetical' : 'dialogue'
    if (text.startsWith('@')) {
      speaking = true
      return 'cue'
    }
    if (text.startsWith('!')) return 'action'
    if (HEADING.test(text)) return 'heading'
    if (text.startsWith('=') && !text.startsWith('===')) return 'synopsis'
    return text.startsWith('#') ? 'section' : 'action'
  })
}
