/** Captions: the player's words as they are recognised, the character's sentence as it is spoken. */
import { useTranslation } from 'react-i18next'

import { splitAt } from '@/lib/transcript/codePoints'
import type { SpokenPlace } from '@/lib/transcript/soundMap'
import { isWithheld, type LineEntry, type SentenceEntry, type View } from '@/lib/transcript/view'
import { useObservable } from '@/lib/useObservable'

import type { TableSession } from '../session/tableSession'

interface Shown {
  name: string
  text: string
  sure: boolean
  word: SpokenPlace['word']
  player: boolean
}

function lineIn(view: View, line: string): LineEntry | undefined {
  return view.entries.findLast((entry): entry is LineEntry => entry.type === 'line' && entry.line === line)
}

function sentenceNow(line: LineEntry, spoken: SpokenPlace | null): SentenceEntry | undefined {
  const said = spoken?.line === line.line ? line.sentences.find((sentence) => sentence.seq === spoken.seq) : undefined
  return said ?? (spoken?.line === line.line ? undefined : line.sentences.at(-1))
}

function useShown(table: TableSession): Shown | null {
  const { t } = useTranslation()
  const { shown } = useObservable(table.captions$)
  const { view } = useObservable(table.transcript$)
  const spoken = useObservable(table.playback.spoken$)
  const me = useObservable(table.attached$)?.participant
  if (shown.kind === 'nobody') return null
  if (shown.kind === 'words') {
    const mine = shown.participant === me
    const name = mine ? t('stage.you') : (view.members.get(shown.participant)?.name ?? '')
    return { name, text: shown.text, sure: shown.final, word: null, player: true }
  }
  const line = lineIn(view, shown.line)
  const sentence = line === undefined ? undefined : sentenceNow(line, spoken)
  if (line === undefined || sentence === undefined || isWithheld(line.state)) return null
  return { name: line.name, text: sentence.text, sure: true, word: spoken?.seq === sentence.seq ? spoken.word : null, player: false }
}

/** `alone`: only one character is there, and its portrait says who speaks. */
export function Caption({ table, alone }: { table: TableSession; alone: boolean }) {
  const { t } = useTranslation()
  const shown = useShown(table)
  const { entries } = useObservable(table.transcript$).view
  const announced = entries.findLast((entry) => entry.type === 'said' || (entry.type === 'line' && !isWithheld(entry.state)))
  return (
    <>
      <p data-testid="caption" className="mx-auto line-clamp-4 min-h-[3.2em] w-full max-w-xl text-center font-serif text-xl leading-snug text-balance max-lg:min-h-[2.75em] max-lg:text-left max-lg:text-[1.05rem] lg:text-2xl" aria-hidden="true">
        {shown === null ? (
          <span className="text-muted">{t('caption.silence')}</span>
        ) : (
          <>
            {(!alone || shown.player) && <span className="block font-sans text-xs font-semibold tracking-[0.12em] text-muted uppercase">{shown.name}</span>}
            <span className={shown.sure ? '' : 'text-muted italic'}>{shown.text === '' ? t('caption.listening') : <Words text={shown.text} word={shown.word} />}</span>
          </>
        )}
      </p>
      <p className="sr-only" aria-live="polite">
        {announced?.type === 'said' && `${announced.name}: ${announced.text}`}
        {announced?.type === 'line' && `${announced.name}: ${announced.sentences.at(-1)?.text ?? ''}`}
      </p>
    </>
  )
}

function Words({ text, word }: { text: string; word: SpokenPlace['word'] }) {
  if (word === null) return text
  const [upTo, ahead] = splitAt(text, word.end)
  return (
    <>
      {upTo}
      <span className="text-muted">{ahead}</span>
    </>
  )
}
