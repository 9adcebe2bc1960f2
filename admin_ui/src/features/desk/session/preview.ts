/** What only the master hears: a draft spoken before anybody decides on it, at an output of the master's own. */
import { BehaviorSubject } from 'rxjs'

import { Problem } from '@/lib/api/client'

import type { Felt } from './marks'
import { plain } from './marks'

const LONGEST_MS = 30_000

export class Preview {
  /** The line that is being prepared or heard; empty = none. */
  readonly line$ = new BehaviorSubject('')
  private element: HTMLAudioElement | null = null
  private url = ''
  private asking: AbortController | null = null

  /** Speak these sentences as the character would. Throws `Problem`. */
  async play(line: string, character: string, sentences: readonly Felt[], output: string): Promise<void> {
    this.stop()
    const asking = new AbortController()
    this.asking = asking
    this.line$.next(line)
    try {
      const response = await fetch('/v1/audio/speech', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ voice: `npc/${character}`, input: plain(sentences), instructions: feelingOf(sentences), response_format: 'wav' }),
        signal: AbortSignal.any([asking.signal, AbortSignal.timeout(LONGEST_MS)]),
      })
      if (!response.ok) throw new Problem(response.status, String(response.status), '')
      const speech = await response.blob()
      asking.signal.throwIfAborted()
      this.url = URL.createObjectURL(speech)
      await this.sound(this.url, output)
    } catch (error) {
      if (asking.signal.aborted) return
      this.stop()
      throw error instanceof Problem ? error : new Problem(0, 'no_audio', '')
    }
  }

  stop(): void {
    this.asking?.abort()
    this.asking = null
    this.element?.pause()
    this.element = null
    if (this.url !== '') URL.revokeObjectURL(this.url)
    this.url = ''
    if (this.line$.value !== '') this.line$.next('')
  }

  private async sound(url: string, output: string): Promise<void> {
    const element: HTMLAudioElement = new Audio(url)
    this.element = element
    element.onended = () => {
      if (this.element === element) this.stop()
    }
    if ('setSinkId' in element) await element.setSinkId(output)
    // It may have been stopped meanwhile.
    if (this.element === element) await element.play()
  }
}

/** One request has one feeling: the strongest. */
function feelingOf(sentences: readonly Felt[]): string {
  const strongest = sentences.filter((one) => one.emotion !== 'neutral' || one.manner !== 'plain').toSorted((a, b) => b.intensity - a.intensity)[0]
  return strongest === undefined ? '' : `${strongest.emotion} ${strongest.manner === 'plain' ? '' : strongest.manner}`.trim()
}
