/** What is kept of an outbox while the page is loaded anew: for this tab, and bounded. */
import { Problem } from '@/lib/api/client'

import type { Item } from './unsent'

const MOST = 200
const MOST_CHARACTERS = 400_000

export class Shelf {
  private readonly key: string
  private full = false

  constructor(
    session: string,
    private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> = sessionStorage,
  ) {
    this.key = `souffleur.unsent.${session}`
  }

  read(): Item[] {
    try {
      const stored: unknown = JSON.parse(this.storage.getItem(this.key) ?? '[]')
      return Array.isArray(stored) ? stored.filter(isItem).map(revived) : []
    } catch {
      // Not what was put there: somebody else's, or a storage that is forbidden.
      return []
    }
  }

  /** The newest of them, as far as there is room; the page itself knows all. */
  write(items: readonly Item[]): void {
    const kept: string[] = []
    let size = 0
    for (const item of items.slice(-MOST).reverse()) {
      const text = JSON.stringify(item, (_, value: unknown) => (value instanceof Problem ? { status: value.status, code: value.code, detail: value.detail } : value))
      size += text.length
      if (size > MOST_CHARACTERS) break
      kept.unshift(text)
    }
    try {
      if (kept.length === 0) this.storage.removeItem(this.key)
      else this.storage.setItem(this.key, `[${kept.join()}]`)
      this.full = false
    } catch (error) {
      // Full or forbidden: what is open still asks before the page is left.
      if (!this.full) console.warn('what is not applied yet cannot be kept over a reload', error)
      this.full = true
    }
  }
}

function isItem(value: unknown): value is Item {
  if (typeof value !== 'object' || value === null) return false
  const { id, block, correction, behind, trouble } = value as Partial<Record<keyof Item, unknown>>
  return typeof id === 'string' && typeof block === 'number' && typeof correction === 'object' && correction !== null && 'kind' in correction && typeof behind === 'string' && typeof trouble === 'object'
}

function revived(item: Item): Item {
  if (item.trouble === null) return item
  const error = item.trouble.error as { status?: number; code?: string; detail?: string } | null
  const known = typeof error?.status === 'number' ? new Problem(error.status, error.code ?? '', error.detail ?? '') : null
  return { ...item, trouble: { ...item.trouble, error: known } }
}
