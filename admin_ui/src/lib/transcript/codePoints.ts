/** Offsets on the wire count code points; JavaScript strings count UTF-16 units. */

/** UTF-16 index of the code point at `offset`; past the end it is the length. */
export function unitIndex(text: string, offset: number): number {
  let index = 0
  for (let passed = 0; passed < offset && index < text.length; passed++) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1
  }
  return index
}

/** The text before and after a code-point offset. */
export function splitAt(text: string, offset: number): [string, string] {
  const index = unitIndex(text, offset)
  return [text.slice(0, index), text.slice(index)]
}

/** How many code points a text has. */
export function codePoints(text: string): number {
  return Array.from(text).length
}
