/** A data channel's messages are bounded: longer events come as `souffleur.part` and are put together here. */

interface Part {
  type: 'souffleur.part'
  id: number
  index: number
  of: number
  text: string
}

export class Parts {
  private waiting: { id: number; texts: string[] } = { id: -1, texts: [] }

  /** The whole event's text, or null while parts are missing. */
  take(text: string): string | null {
    if (!text.startsWith('{"type":"souffleur.part"')) return text
    const part = JSON.parse(text) as Part
    if (part.id !== this.waiting.id) this.waiting = { id: part.id, texts: [] }
    this.waiting.texts.push(part.text)
    return this.waiting.texts.length === part.of ? this.waiting.texts.join('') : null
  }
}
