/** The director's last acts and their fate; a conflict shows both wordings and asks. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useObservable } from '@/lib/useObservable'

import type { DeskSession, Word } from '../session/deskSession'
import type { Deed } from '../session/ledger'

const TONE: Record<Deed['state'], string> = { sending: 'text-muted', pending: 'text-accent', applied: 'text-good', conflicted: 'text-danger', dead: 'text-danger', refused: 'text-danger' }
const OPEN: ReadonlySet<string> = new Set(['conflicted', 'dead', 'refused'])

export function DeedRow({ desk, deed }: { desk: DeskSession; deed: Deed }) {
  const { t } = useTranslation()
  return (
    <li data-testid="deed" data-kind={deed.kind} data-state={deed.state} className={`rounded-lg border px-2.5 py-1.5 text-sm ${OPEN.has(deed.state) ? 'border-danger/50 bg-danger/8' : 'border-line bg-raised/60'}`}>
      <p className="flex items-baseline gap-2">
        <span className="shrink-0 font-medium">{t(`desk.kind_${deed.kind}`, { defaultValue: deed.kind })}</span>
        <span className="min-w-0 flex-1 truncate text-muted">{deed.text}</span>
        <span className={`shrink-0 text-xs ${TONE[deed.state]}`}>{t(`desk.deed_${deed.state}`)}</span>
      </p>
      {deed.detail !== '' && OPEN.has(deed.state) && <p className="mt-1 text-xs break-words text-muted">{deed.detail}</p>}
      {deed.state === 'conflicted' && <Conflict desk={desk} deed={deed} />}
      {(deed.state === 'refused' || deed.state === 'dead') && (
        <div className="mt-1.5 flex gap-1.5">
          <button type="button" className="btn-sm" onClick={() => desk.ledger.insist(deed)}>
            {t('common.retry')}
          </button>
          <button type="button" className="btn-sm btn-quiet" onClick={() => desk.ledger.drop(deed.id)}>
            {t('common.dismiss')}
          </button>
        </div>
      )}
    </li>
  )
}

function Conflict({ desk, deed }: { desk: DeskSession; deed: Deed }) {
  const { t } = useTranslation()
  return (
    <div className="mt-1.5" data-testid="conflict">
      <dl className="mb-1.5 grid grid-cols-[auto_1fr] gap-x-2 gap-y-0.5 text-sm">
        <dt className="text-xs leading-5 text-muted">{t('desk.mine')}</dt>
        <dd className="break-words">{deed.text}</dd>
        <dt className="text-xs leading-5 text-muted">{t('desk.theirs')}</dt>
        <dd className="break-words">{deed.current}</dd>
      </dl>
      <div className="flex gap-1.5">
        <button type="button" className="btn-sm" data-testid="conflict-mine" onClick={() => desk.ledger.insist(deed)}>
          {t('desk.use_mine')}
        </button>
        <button type="button" className="btn-sm" data-testid="conflict-theirs" onClick={() => desk.ledger.drop(deed.id)}>
          {t('desk.keep_theirs')}
        </button>
      </div>
    </div>
  )
}

/** The newest act beside the tools; whatever needs an answer stays. */
export function DeedStrip({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const deeds = useObservable(desk.ledger.deeds$)
  const asking = deeds.filter((deed) => OPEN.has(deed.state)).slice(0, 2)
  const [last] = deeds
  return (
    <>
      {asking.length > 0 && (
        <ul className="flex max-h-48 shrink-0 flex-col gap-1.5 overflow-y-auto border-t border-line/70 bg-velvet p-2" aria-live="polite">
          {asking.map((deed) => (
            <DeedRow key={deed.id} desk={desk} deed={deed} />
          ))}
        </ul>
      )}
      <p className="sr-only" aria-live="polite" data-testid="last-deed" data-kind={last?.kind} data-state={last?.state}>
        {last !== undefined && `${t(`desk.kind_${last.kind}`, { defaultValue: last.kind })}: ${t(`desk.deed_${last.state}`)}`}
      </p>
    </>
  )
}

/** What was to be said to the director, for a moment. */
export function Words({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const text = useWordText()
  const words = useObservable(desk.words$)
  return (
    <ul className="pointer-events-none absolute top-2 right-2 z-40 flex w-[min(24rem,calc(100vw-1rem))] flex-col gap-2" aria-live="polite">
      {words.map((word) => (
        <li key={word.id} data-testid={`word-${word.code}`} className={`panel rise pointer-events-auto flex items-start gap-2 p-3 text-sm shadow-(--shadow) ${word.severity === 'error' ? 'border-danger/50' : ''}`}>
          <Icon name={word.severity === 'info' ? 'info' : 'warning'} className={`mt-0.5 size-4 shrink-0 ${word.severity === 'error' ? 'text-danger' : 'text-accent'}`} />
          <span className="min-w-0 flex-1 break-words">{text(word)}</span>
          <button type="button" className="shrink-0 rounded p-0.5 text-muted hover:text-ink" aria-label={t('common.dismiss')} onClick={() => desk.dismiss(word.id)}>
            <Icon name="close" className="size-4" />
          </button>
        </li>
      ))}
    </ul>
  )
}

function useWordText(): (word: Word) => string {
  const { t, i18n } = useTranslation()
  return ({ code, detail }) => {
    if (code === 'others_claim') return t('desk.word_others_claim', { name: detail || t('desk.another_director') })
    if (i18n.exists(`desk.word_${code}`)) return t(`desk.word_${code}`)
    if (i18n.exists(`notice.${code}`)) return t(`notice.${code}`)
    if (code === 'unreachable') return t('problem.unreachable')
    return detail || t('problem.unknown')
  }
}
