/** Typed words on their way: kept until the server has them, sent again after a break, answered when the floor is free. */
import { BehaviorSubject } from 'rxjs'

import type { ClientEvent, ServerEvent } from '@/lib/realtime/protocol'

export interface Typed {
  id: string
  text: string
}

/** A player is not sent every fact: the one at the head may never come. */
const REPLAY_MS = 1000

export class Outbox {
  /** What was typed and does not stand in the transcript yet. */
  readonly pending$ = new BehaviorSubject<readonly Typed[]>([])
  private untaken: Typed[] = []
  private readonly responses = new Set<string>()
  private wanting = false
  /** No line has yet answered the words for which an answer was asked: a refusal is of that request. */
  private asked = false
  /** An answer was asked for and none has begun. */
  private unanswered = false
  private replayTo = 0
  private again: ReturnType<typeof setTimeout> | null = null

  constructor(
    private readonly send: (event: ClientEvent) => boolean,
    private readonly newId: () => string,
    /** Silence the character that speaks; the gateway takes a cancelled line for closed at once. */
    private readonly interrupt: () => void,
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

  /** A connection stands. What the server may have taken before the break shows in the facts up to `head`; the rest goes again, under the same id. */
  reconnected(head: number): void {
    this.responses.clear()
    this.wanting = false
    this.replayTo = head
    if (this.untaken.length === 0 && !this.unanswered) return
    if (this.again !== null) clearTimeout(this.again)
    this.again = setTimeout(() => this.resend(), REPLAY_MS)
  }

  /** Ask for an answer to what was said, if it was said to a character; once the floor is ours if a line is still being answered. */
  ask(): void {
    this.wanting = true
    this.pump()
  }

  close(): void {
    if (this.again !== null) clearTimeout(this.again)
  }

  take(event: ServerEvent, me: string): void {
    if (event.type === 'response.created') this.responses.add(event.response.id)
    else if (event.type === 'response.done') this.ended(event.response.id)
    else if (event.type === 'conversation.item.added' || event.type === 'conversation.item.done') this.taken(event.item.id ?? '')
    else if (event.type === 'souffleur.fact') {
      // A line opened or a turn passed over: what was asked before the break has had its answer.
      if (event.fact.kind === 'line_opened' || event.fact.kind === 'passed') this.unanswered = false
      if (event.fact.kind === 'line_opened' && event.fact.body.turn > 0 && event.fact.body.answers === me) this.asked = this.wanting = false
      if (event.fact.kind === 'said') this.stands(event.fact.body.utterance, event.fact.body.text, event.fact.by.id === me)
      if (event.fact.seq === this.replayTo) this.resend()
    } else if (event.type === 'error' && event.error.code === 'conversation_already_has_active_response') this.wanting = this.asked
    else if (event.type === 'error' && (event.error.code === 'not_addressed' || event.error.code === 'nobody_answers')) this.refused()
  }

  private deliver(typed: Typed): void {
    const sent = this.send({ type: 'conversation.item.create', item: { id: typed.id, type: 'message', role: 'user', content: [{ type: 'input_text', text: typed.text }] } })
    if (!sent) return
    if (this.answering) {
      this.interrupt()
      this.responses.clear()
    }
    this.ask()
  }

  private pump(): void {
    if (!this.wanting || this.answering || !this.send({ type: 'response.create', if_addressed: true })) return
    this.wanting = false
    this.asked = true
    this.unanswered = true
  }

  private resend(): void {
    if (this.again !== null) clearTimeout(this.again)
    this.again = null
    this.replayTo = 0
    if (this.untaken.length === 0 && this.unanswered) this.ask()
    for (const typed of this.untaken) this.deliver(typed)
  }

  /** Nobody answers what was asked about; of what was typed since the answer is still wanted. */
  private refused(): void {
    this.asked = this.unanswered = false
    this.pump()
  }

  private ended(response: string): void {
    this.responses.delete(response)
    this.pump()
  }

  private taken(id: string): void {
    this.untaken = this.untaken.filter((typed) => typed.id !== id)
  }

  /** The server may keep the id or make its own; then the same words from the same mouth are the match. */
  private stands(utterance: string, text: string, mine: boolean): void {
    const pending = this.pending$.value
    const match = pending.find((typed) => utterance.endsWith(typed.id)) ?? (mine ? pending.find((typed) => typed.text === text) : undefined)
    if (match === undefined) return
    this.taken(match.id)
    this.pending$.next(pending.filter((typed) => typed !== match))
  }
}
