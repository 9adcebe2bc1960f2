/** Where in the page we are. It lives behind `#`, so that the server needs to know one address only. */
import { useSyncExternalStore } from 'react'

export type Route = { at: 'company' } | { at: 'character'; slug: string | null } | { at: 'table'; slug: string; session: string } | { at: 'screenplay'; session: string } | { at: 'logs' } | { at: 'desk'; session: string }

export function parse(hash: string): Route {
  const [room, first, second] = hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent)
  if (room === 'talk' && first) return { at: 'table', slug: first, session: second ?? '' }
  if (room === 'character') return { at: 'character', slug: first || null }
  if (room === 'screenplay' && first) return { at: 'screenplay', session: first }
  if (room === 'logs') return { at: 'logs' }
  if (room === 'desk' && first) return { at: 'desk', session: first }
  return { at: 'company' }
}

export function href(route: Route): string {
  if (route.at === 'company') return '#/'
  if (route.at === 'character') return route.slug === null ? '#/character' : `#/character/${encodeURIComponent(route.slug)}`
  if (route.at === 'logs') return '#/logs'
  if (route.at === 'desk') return `#/desk/${encodeURIComponent(route.session)}`
  if (route.at === 'screenplay') return `#/screenplay/${encodeURIComponent(route.session)}`
  const session = route.session === '' ? '' : `/${encodeURIComponent(route.session)}`
  return `#/talk/${encodeURIComponent(route.slug)}${session}`
}

export function go(route: Route): void {
  location.hash = href(route)
}

let shown = location.hash

/** Change the address without going anywhere: a new session got its id. */
export function rename(route: Route): void {
  history.replaceState(null, '', href(route))
}

function subscribe(changed: () => void): () => void {
  const moved = () => {
    shown = location.hash
    changed()
  }
  window.addEventListener('hashchange', moved)
  return () => window.removeEventListener('hashchange', moved)
}

/** Where somebody last went to; the string names the visit and serves as a key. */
export function useVisit(): { key: string; route: Route } {
  const key = useSyncExternalStore(subscribe, () => shown)
  return { key, route: parse(key) }
}
