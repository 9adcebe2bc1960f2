import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { ClientEvent, ServerEvent } from '@/lib/realtime/protocol'

import { Outbox } from './outbox'

function setup() {
  const wire = { up: true, sent: [] as string[], interrupts: 0 }
  let ids = 0
  const send = (event: ClientEvent) => {
    if (wire.up) wire.sent.push(event.type === 'conversation.item.create' ? `say ${event.item.id}` : event.type)
    return wire.up
  }
  const outbox = new Outbox(send, () => `U${++ids}`, () => wire.interrupts++)
  const take = (event: object) => outbox.take(event as ServerEvent, 'p-1')
  const stood = (utterance: string, text: string, by: string, seq: number) => take({ type: 'souffleur.fact', fact: { seq, kind: 'said', by: { id: by }, body: { utterance, text } } })
  return { wire, outbox, take, stood }
}

describe('the outbox', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('says what was typed and asks for an answer', () => {
    const { wire, outbox } = setup()
    outbox.say('Hello')
    expect(wire.sent).toEqual(['say item_U1', 'response.create'])
    expect(outbox.pending$.value).toEqual([{ id: 'item_U1', text: 'Hello' }])
  })

  it('interrupts a character that speaks', () => {
    const { wire, outbox, take } = setup()
    take({ type: 'response.created', response: { id: 'resp_L' } })
    outbox.say('Wait')
    expect(wire.interrupts).toBe(1)
    expect(wire.sent.at(-1)).toBe('response.create')
  })

  it('asks again when the line that was in the way is over', () => {
    const { wire, outbox, take } = setup()
    outbox.say('Hello')
    take({ type: 'response.created', response: { id: 'resp_L' } })
    take({ type: 'error', error: { code: 'conversation_already_has_active_response', message: '' } })
    take({ type: 'response.done', response: { id: 'resp_L' } })
    expect(wire.sent.filter((type) => type === 'response.create')).toHaveLength(2)
    take({ type: 'response.created', response: { id: 'resp_M' } })
    take({ type: 'response.done', response: { id: 'resp_M' } })
    expect(wire.sent.filter((type) => type === 'response.create')).toHaveLength(2)
  })

  it('asks no more once a line answers the words, whenever the refusal comes', () => {
    const { wire, outbox, take } = setup()
    const refused = () => take({ type: 'error', error: { code: 'conversation_already_has_active_response', message: '' } })
    const opened = (turn: number) => take({ type: 'souffleur.fact', fact: { seq: 5 + turn, kind: 'line_opened', by: { id: 'mirelle' }, body: { line: 'L', character: 'mirelle', turn, answers: 'p-1' } } })
    outbox.say('Hello')
    opened(0)
    refused()
    opened(5)
    take({ type: 'response.created', response: { id: 'resp_L' } })
    refused()
    take({ type: 'response.done', response: { id: 'resp_L' } })
    expect(wire.sent.filter((type) => type === 'response.create')).toHaveLength(1)
  })

  it('shows words as pending until they stand, by id or by mouth and text', () => {
    const { outbox, stood } = setup()
    outbox.say('Hello')
    outbox.say('There')
    stood('p-2.other', 'Hello', 'p-2', 4)
    expect(outbox.pending$.value).toHaveLength(2)
    stood('p-1.item_U2', 'There', 'p-1', 5)
    stood('01XYZ', 'Hello', 'p-1', 6)
    expect(outbox.pending$.value).toEqual([])
  })

  it('says after a break only what the server does not have, under the same id', () => {
    const { wire, outbox, stood } = setup()
    outbox.say('Taken')
    wire.up = false
    outbox.say('Lost')
    wire.up = true
    outbox.reconnected(7)
    stood('p-1.item_U1', 'Taken', 'p-1', 7)
    expect(wire.sent).toEqual(['say item_U1', 'response.create', 'say item_U2', 'response.create'])
    vi.runAllTimers()
    expect(wire.sent).toHaveLength(4)
  })

  it('asks again after a break for the answer that was lost with it, and only for that', () => {
    const { wire, outbox, take, stood } = setup()
    outbox.say('Hello')
    stood('p-1.item_U1', 'Hello', 'p-1', 4)
    outbox.reconnected(4)
    vi.runAllTimers()
    expect(wire.sent).toEqual(['say item_U1', 'response.create', 'response.create'])
    take({ type: 'souffleur.fact', fact: { seq: 5, kind: 'line_opened', by: { id: '' }, body: {} } })
    outbox.reconnected(5)
    vi.runAllTimers()
    expect(wire.sent).toHaveLength(3)
  })

  it('asks only for an answer to words that are for a character, and not again once nobody was addressed', () => {
    const events: ClientEvent[] = []
    const outbox = new Outbox((event) => events.push(event) > 0, () => 'U1', () => undefined)
    outbox.say('Bob, the salt')
    expect(events.at(-1)).toEqual({ type: 'response.create', if_addressed: true })
    outbox.take({ type: 'souffleur.fact', fact: { seq: 4, kind: 'said', by: { id: 'p-1' }, body: { utterance: 'p-1.item_U1', text: 'Bob, the salt' } } } as ServerEvent, 'p-1')
    outbox.take({ type: 'error', error: { code: 'not_addressed', message: '' } }, 'p-1')
    outbox.reconnected(4)
    vi.runAllTimers()
    expect(events).toHaveLength(2)
  })

  it('asks about what was typed since when nobody answers what was typed first', () => {
    const { wire, outbox, take } = setup()
    const refused = (code: string) => take({ type: 'error', error: { code, message: '' } })
    outbox.say('Bob, are you back?')
    outbox.say('Mirelle, go on')
    refused('conversation_already_has_active_response')
    refused('not_addressed')
    expect(wire.sent.slice(4)).toEqual(['response.create'])
    refused('nobody_answers')
    expect(wire.sent).toHaveLength(5)
  })

  it('does not wait for ever for a head that is not for this reader', () => {
    const { wire, outbox } = setup()
    wire.up = false
    outbox.say('Lost')
    wire.up = true
    outbox.reconnected(7)
    expect(wire.sent).toEqual([])
    vi.advanceTimersByTime(1000)
    expect(wire.sent).toEqual(['say item_U1', 'response.create'])
  })
})
