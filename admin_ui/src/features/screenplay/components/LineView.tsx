/** A character's line: emotion as parenthetical, the spoken word lit, what nobody heard struck through. */
import { useTranslation } from 'react-i18next'

import { codePoints, splitAt } from '@/lib/transcript/codePoints'
import type { SpokenPlace } from '@/lib/transcript/soundMap'
import { isOpen, isWithheld, type LineEntry, type SentenceEntry } from '@/lib/transcript/view'

import { Cue } from './Cue'

export function LineView({ line, spoken }: { line: LineEntry; spoken: SpokenPlace | null }) {
  const { t, i18n } = useTranslation()
  const open = isOpen(line.state)
  // What nobody has released is not for the table, whoever sits at it.
  const sentences = isWithheld(line.state) ? [] : line.sentences
  return (
    <div className="px-[12%] max-sm:px-[4%]" data-testid="line" data-state={line.state} data-line={line.line}>
      <Cue name={line.name} aside={line.sentences.some((sentence) => sentence.engine === 'understudy') ? t('screenplay.understudy') : ''} />
      {groups(sentences).map((group) => (
        <div key={group.sentences[0]?.seq}>
          {group.aside !== 'neutral' && <p className="pl-[12%] text-[0.9em] max-sm:pl-[9%] text-paper-muted italic">({group.aside.split('|').map((word) => (i18n.exists(`emotion.${word}`) ? t(`emotion.${word}`) : word)).join(', ')})</p>}
          <p className="break-words">
            {group.sentences.map((sentence) => (
              <Sentence key={sentence.seq} sentence={sentence} open={open} spoken={spoken} />
            ))}
          </p>
        </div>
      ))}
      {open && sentences.length === 0 && <p className="text-center text-paper-muted">…</p>}
      {!open && line.state !== 'heard' && <p className="mt-0.5 text-right font-sans text-xs text-paper-muted">{t(`screenplay.state_${line.state}`, { defaultValue: line.state })}</p>}
    </div>
  )
}

/** Sentences of one feeling in a row share a parenthetical. */
function groups(sentences: readonly SentenceEntry[]): { aside: string; sentences: SentenceEntry[] }[] {
  const found: { aside: string; sentences: SentenceEntry[] }[] = []
  for (const sentence of sentences) {
    const aside = sentence.manner === 'plain' || sentence.manner === '' ? sentence.emotion : sentence.emotion === 'neutral' ? sentence.manner : `${sentence.emotion}|${sentence.manner}`
    const last = found.at(-1)
    if (last?.aside === aside) last.sentences.push(sentence)
    else found.push({ aside, sentences: [sentence] })
  }
  return found
}

function Sentence({ sentence, open, spoken }: { sentence: SentenceEntry; open: boolean; spoken: SpokenPlace | null }) {
  const { text, heard, struck } = sentence
  if (struck) return <s className="text-paper-muted">{text} </s>
  if (!open) {
    const [reached, unheard] = splitAt(text, heard ?? codePoints(text))
    return (
      <>
        {reached}
        {unheard !== '' && (
          <s className="text-paper-muted decoration-danger/70" data-testid="unheard">
            {unheard}
          </s>
        )}{' '}
      </>
    )
  }
  return <OpenSentence text={text} seq={sentence.seq} spoken={spoken} />
}

function OpenSentence({ text, seq, spoken }: { text: string; seq: number; spoken: SpokenPlace | null }) {
  if (spoken === null || seq < spoken.seq) return <>{text} </>
  if (seq > spoken.seq) return <span className="ahead">{text} </span>
  if (spoken.word === null) return <span className="spoken">{text} </span>
  const [upTo, ahead] = splitAt(text, spoken.word.end)
  const [before, word] = splitAt(upTo, spoken.word.start)
  return (
    <>
      {before}
      <span className="spoken" data-testid="spoken-word">
        {word}
      </span>
      <span className="ahead">{ahead} </span>
    </>
  )
}
