/** A character's stand-in for a picture: a niche in its colour with its initials. */
import type { CSSProperties } from 'react'

/** At most two letters; a name in Han characters gives its first one. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s\-·]+/u).filter((word) => /\p{L}|\p{N}/u.test(word))
  const first = words[0] ?? ''
  if (/\p{Script=Han}/u.test(first)) return Array.from(first)[0] ?? ''
  const last = words.length > 1 ? (words.at(-1) ?? '') : ''
  return [first, last].map((word) => (Array.from(word)[0] ?? '').toLocaleUpperCase()).join('')
}

const PALETTE = ['#b5651d', '#8f3f56', '#4e6b8a', '#5d7f4b', '#7d5ba6', '#a4782c', '#3f7f7b', '#95513f']

/** The card's colour if it is a plain hex one, else one that always is the same for this name. */
export function hueOf(name: string, color: string): string {
  if (/^#[0-9a-f]{6}$/i.test(color)) return color
  let sum = 0
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973
  return PALETTE[sum % PALETTE.length] ?? '#b5651d'
}

interface Props {
  name: string
  color?: string | undefined
  className?: string
  lit?: boolean
  dim?: boolean
}

export function Portrait({ name, color = '', className = 'h-24 w-20 text-3xl', lit = false, dim = false }: Props) {
  const style = { '--hue': hueOf(name, color) } as CSSProperties
  return (
    <span className={`portrait shrink-0 ${className}`} style={style} data-lit={lit} data-dim={dim} aria-hidden="true">
      {initials(name)}
    </span>
  )
}
