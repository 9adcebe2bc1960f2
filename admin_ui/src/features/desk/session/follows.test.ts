import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import type { ClientEvent } from '@/lib/realtime/protocol'
import type { Transport, TransportHandlers } from '@/lib/realtime/transport'

import { DeskSession } from './deskSession'

const wire = vi.hoisted(() => ({ handlers: null as TransportHandlers | null, sent: [] as ClientEvent[] }))
vi.mock('@/lib/realtime/socketTransport', () => ({
  openSocket: (_: string, handlers: TransportHandlers): Transport => {
    wire.handlers = handlers
    return { send: (event: ClientEvent) => wire.sent.push(event) > 0, sendAudio: () => true, close: () => undefined }
  },
}))

const tell = (event: object) => wire.handlers?.onText(JSON.stringify(event))
const attached = (head: number) => tell({ type: 'souffleur.attached', session_id: 'S', participant: 'd', name: 'Gem', place: '', head, cast: [] })
let seq = 0
const sits = (member: string, place: string) => {
  seq += 1
  tell({ type: 'souffleur.fact', fact: { v: 1, seq, kind: 'joined', at: '', by: { role: 'player', id: member, name: member }, place, audience: null, cause: null, body: { member, role: member === 'mirelle' ? 'character' : 'player', name: member } } })
  vi.advanceTimersByTime(100)
}
const leaves = (member: string) => {
  seq += 1
  tell({ type: 'souffleur.fact', fact: { v: 1, seq, kind: 'left', at: '', by: { role: 'player', id: member, name: member }, place: '', audience: null, cause: null, body: { member } } })
  vi.advanceTimersByTime(100)
}
/** The places that the server was told of, in order. */
const places = () => wire.sent.flatMap((event) => (event.type === 'souffleur.configure' && event.place !== undefined ? [event.place] : []))

beforeEach(() => {
  seq = 0
  wire.sent.length = 0
  vi.useFakeTimers({ now: 1_000_000 })
  vi.stubGlobal('location', { origin: 'http://127.0.0.1' })
  vi.stubGlobal('window', new EventTarget())
  vi.stubGlobal('document', new EventTarget())
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('is with the players, but where its director goes it stays until they are there', async () => {
  const desk = new DeskSession('S')
  desk.open()
  attached(0)
  sits('mirelle', 'cellar')
  sits('ann', '')
  sits('bob', 'attic')
  expect([desk.place, places()]).toEqual(['', ['']])
  sits('ann', 'attic')
  expect([desk.place, places()]).toEqual(['attic', ['', 'attic']])
  await desk.voice.say({ as: 'oneself', to: 'mirelle' }, 'item_1', 'Well?')
  expect(places()).toEqual(['', 'attic', 'cellar'])
  sits('cleo', 'attic')
  expect(desk.place).toBe('cellar')
  attached(5)
  expect(places().at(-1)).toBe('cellar')
  for (const player of ['ann', 'bob', 'cleo']) leaves(player)
  sits('ann', 'attic')
  expect(desk.place).toBe('cellar')
  sits('ann', 'cellar')
  desk.goTo('cellar')
  sits('ann', 'attic')
  expect(desk.place).toBe('attic')
  desk.voice.state$.next({ role: { as: 'narrator' }, waiting: false, fault: null })
  desk.goTo('')
  expect(desk.place).toBe('attic')
  desk.close()
})
