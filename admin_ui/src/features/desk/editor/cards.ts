/** What stands in the margin: notes, whispers, secrets told, the adviser's proposals; each beside the block it follows. Pure. */
import type { View } from '@/lib/transcript/view'

export interface Card {
  seq: number
  /** The block that it stands beside. */
  block: number
  kind: 'note' | 'whisper' | 'revealed' | 'recommendation'
  text: string
  /** A name; empty = all. */
  character: string
  /** Of a note. */
  inForce: boolean
  /** Lines that it still steers; null = until it is removed. */
  left: number | null
  /** Of a recommendation. */
  id: string
  category: string
  state: string
}

const BARE = { inForce: false, left: null, id: '', category: '', state: '' }
const BESIDE = new Set(['note', 'whisper', 'revealed'])
const SETTLED = new Set(['rejected', 'expired'])

export function cardsOf(view: View, inForce: ReadonlyMap<number, number | null>): Card[] {
  const found: Card[] = []
  let block = 0
  for (const entry of view.entries) {
    if (!BESIDE.has(entry.type)) block = entry.seq
    else if (entry.type === 'note' && !entry.withdrawn) found.push({ ...BARE, kind: 'note', seq: entry.seq, block, text: entry.text, character: entry.character, inForce: inForce.has(entry.seq), left: inForce.get(entry.seq) ?? null })
    else if (entry.type === 'whisper' || entry.type === 'revealed') found.push({ ...BARE, kind: entry.type, seq: entry.seq, block, text: entry.text, character: entry.character })
  }
  const name = (slug: string) => (slug === '' ? '' : (view.members.get(slug)?.name ?? slug))
  const proposals = view.recommendations.filter((one) => !SETTLED.has(one.state))
  found.push(
    ...proposals.map((one) => ({
      ...BARE,
      kind: 'recommendation' as const,
      seq: one.seq,
      block: view.entries.findLast((entry) => entry.seq < one.seq && !BESIDE.has(entry.type))?.seq ?? 0,
      text: one.text,
      character: name(one.character),
      inForce: inForce.has(one.seq),
      id: one.id,
      category: one.category,
      state: one.state,
    })),
  )
  const places = new Map(view.entries.map((entry, at) => [entry.seq, at]))
  return found.sort((one, other) => (places.get(one.block) ?? -1) - (places.get(other.block) ?? -1) || one.seq - other.seq)
}

/** Tops of cards of these heights, each as near to where it belongs as the ones before it leave room. */
export function stacked(wanted: readonly number[], heights: readonly number[], gap = 8): number[] {
  let free = 0
  return wanted.map((top, at) => {
    const placed = Math.max(top, free)
    free = placed + (heights[at] ?? 0) + gap
    return placed
  })
}
