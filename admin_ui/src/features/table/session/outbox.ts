/** Typed words on their way: kept until the server has them, sent again after a break, answered when the floor is free. */
import { BehaviorSubject } from 'rxjs'

import type { ClientEvent, ServerEvent } from '@/lib/realtime/protocol'

export interface Typed {
  id: string
  text: string
}

export class Outbox {
  /** What was typed and does not stand in the transcript yet. */
  readonly pending$ = new BehaviorSubject<readonly Typed[]>([])
  private untaken: Typed[] = []
  private readonly responses = new Set<string>()
  private wanting = false

  constructor(
    private readonly send: (event: ClientEvent) => boolean,
    private readonly newId: () => string,
  ) {}

  /** Say this; it interrupts a character that speaks. */
  say(text: string): void {
    const typed = { id: `item_${this.newId()}`, text }
    this.pending$.next([...this.pending$.value, typed])
    this.untaken.push(typed)
    this.deliver(typed)
  }

  /** Whether a line is being answered now. */
  get answering(): boolean {
    return this.responses.size > 0
  }

  /** A connection stands: what was not taken goes again under the same id, so that it is said once. */
  reconnected(): void {
    this.responses.clear()
    this.wanting = false
    for (const typed of this.untaken) this.deliver(typed)
  }

  take(event: ServerEvent, me: string): void {
    if (event.type === 'response.created') this.responses.add(event.response.id)
    else if (event.type === 'response.done') this.ended(event.response.id)
    else if (event.type === 'conversation.item.added' || event.type === 'conversation.item.done') this.taken(event.item.id ?? '')
    else if (event.type === 'souffleur.fact' && event.fact.kind === 'said') this.stands(event.fact.body.utterance, event.fact.body.text, event.fact.by.id === me)
    else if (event.type === 'error' && event.error.code === 'conversation_already_has_active_response') this.wanting = true
  }

  private deliver(typed: Typed): void {
    const sent = this.send({ type: 'conversation.item.create', item: { id: typed.id, type: 'message', role: 'user', content: [{ type: 'input_text', text: typed.text }] } })
    if (!sent) return
    this.wanting = true
    if (this.answering) this.send({ type: 'response.cancel' })
    else this.ask()
  }

  private ask(): void {
    if (this.wanting && this.send({ type: 'response.create' })) this.wanting = false
  }

  private ended(response: string): void {
    this.responses.delete(response)
    if (!this.answering) this.ask()
  }

  private taken(id: string): void {
    this.untaken = this.untaken.filter((typed) => typed.id !== id)
  }

  /** The server may keep the id or make its own; then the same words from the same mouth are the match. */
  private stands(utterance: string, text: string, mine: boolean): void {
    const pending = this.pending$.value
    const match = pending.find((typed) => utterance !== '' && typed.id.endsWith(utterance)) ?? (mine ? pending.find((typed) => typed.text === text) : undefined)
    if (match === undefined) return
    this.taken(match.id)
    this.pending$.next(pending.filter((typed) => typed !== match))
  }
}
