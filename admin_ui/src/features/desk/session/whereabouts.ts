/** Where the desk is best: with the players. Pure. */
import type { View } from '@/lib/transcript/view'

/** Where people and characters are, in the order in which they came there. */
export function places(view: View): string[] {
  return [...new Set([...view.members.values()].filter((member) => member.present).map((member) => member.place))]
}

/** A player is there. */
export function isPlayed(view: View, place: string): boolean {
  return [...view.members.values()].some((member) => member.present && member.role !== 'character' && member.place === place)
}

/** The place to be in: the one where the desk is, unless all players are elsewhere; then the one with most of them. What is narrated where nobody is would be lost. */
export function whereabouts(view: View, place: string): string {
  const counts = new Map<string, number>()
  for (const member of view.members.values()) {
    if (member.present && member.role !== 'character') counts.set(member.place, (counts.get(member.place) ?? 0) + 1)
  }
  if (counts.size === 0 || counts.has(place)) return place
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0]
}
