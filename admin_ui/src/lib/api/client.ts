/** Requests to /api: JSON in, JSON out, problems as errors. */

/** An RFC 9457 answer, or the network's failure (status 0, code `unreachable`). */
export class Problem extends Error {
  override readonly name = 'Problem'

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail || code)
  }
}

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  body?: unknown
  signal?: AbortSignal
  headers?: Record<string, string>
  /** How long an answer may take. */
  deadlineMs?: number
}

const DEADLINE_MS = 20_000

/** Ask the gateway. Throws `Problem`. */
export async function request<T>(path: string, { method = 'GET', body, signal, headers, deadlineMs = DEADLINE_MS }: Options = {}): Promise<T> {
  const response = await reach(path, {
    method,
    headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([AbortSignal.timeout(deadlineMs), ...(signal === undefined ? [] : [signal])]),
  })
  if (!response.ok) throw await problemOf(response)
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** Every item of a cursor-paginated list, up to `most`. */
export async function everything<T>(path: string, most = 500, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = ''
  while (cursor !== null && items.length < most) {
    const query: string = cursor === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`
    const page: Page<T> = await request<Page<T>>(`${path}${query}`, signal === undefined ? {} : { signal })
    items.push(...page.items)
    cursor = page.next_cursor || null
  }
  return items
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(0, 'unreachable', '')
  }
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as { code?: string; detail?: string; title?: string }
    return new Problem(response.status, body.code ?? String(response.status), body.detail ?? body.title ?? '')
  } catch {
    return new Problem(response.status, String(response.status), response.statusText)
  }
}
