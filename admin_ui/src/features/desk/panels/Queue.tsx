/** What became of the director's acts, and the bus that carries them: how much waits, and what was put aside. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useObservable } from '@/lib/useObservable'

import { type DeadLetter, useBus, useDeadActs, useDeadLetters } from '../api/panels'
import { DeedRow } from '../components/Deeds'
import { Key } from '../components/looks'
import type { DeskSession } from '../session/deskSession'
import { DeskNothing, PanelTitle } from './parts'

export function Queue({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const deeds = useObservable(desk.ledger.deeds$)
  return (
    <div className="flex flex-col gap-5">
      <BusState />
      <section>
        <PanelTitle title={t('desk.deeds')}>
          <button type="button" className="btn-sm" data-testid="undo" onClick={() => void desk.undo()}>
            <Icon name="undo" className="size-4" />
            {t('desk.undo')} <Key>U</Key>
          </button>
        </PanelTitle>
        {deeds.length === 0 && <DeskNothing>{t('desk.deeds_empty')}</DeskNothing>}
        <ul className="flex flex-col gap-1.5">
          {deeds.map((deed) => (
            <DeedRow key={deed.id} desk={desk} deed={deed} />
          ))}
        </ul>
      </section>
      <DeadLetters />
    </div>
  )
}

function BusState() {
  const { t } = useTranslation()
  const bus = useBus(true)
  return (
    <section data-testid="bus-state" data-connected={bus.data?.connected ?? false}>
      <PanelTitle title={t('desk.bus')} />
      <dl className="grid grid-cols-3 gap-2 text-center text-sm">
        <Figure label={bus.data?.kind === 'amqp' ? 'RabbitMQ' : bus.data?.kind === 'redis' ? 'Redis' : t('desk.bus_kind')} value={t(bus.data?.connected === true ? 'desk.bus_up' : 'desk.bus_down')} tone={bus.data?.connected === true ? 'text-good' : 'text-danger'} />
        <Figure label={t('desk.bus_depth')} value={String(bus.data?.depth ?? '–')} />
        <Figure label={t('desk.bus_dead')} value={String(bus.data?.dead ?? '–')} tone={(bus.data?.dead ?? 0) > 0 ? 'text-danger' : ''} />
      </dl>
    </section>
  )
}

const Figure = ({ label, value, tone = '' }: { label: string; value: string; tone?: string }) => (
  <div className="rounded-lg border border-line bg-raised/60 px-1 py-2">
    <dd className={`font-semibold tabular-nums ${tone}`}>{value}</dd>
    <dt className="text-xs text-muted">{label}</dt>
  </div>
)

function DeadLetters() {
  const { t } = useTranslation()
  const letters = useDeadLetters()
  if ((letters.data ?? []).length === 0) return null
  return (
    <section data-testid="dead-letters">
      <PanelTitle title={t('desk.dead_letters')} />
      <ul className="flex flex-col gap-2">
        {(letters.data ?? []).map((letter) => (
          <Letter key={letter.id} letter={letter} />
        ))}
      </ul>
    </section>
  )
}

function Letter({ letter }: { letter: DeadLetter }) {
  const { t } = useTranslation()
  const acts = useDeadActs()
  const text = letter.correction?.body['text']
  return (
    <li data-testid={`dead-${letter.id}`} className="rounded-lg border border-danger/40 bg-danger/8 p-2.5 text-sm">
      <p className="flex justify-between gap-2">
        <span className="font-medium">{letter.correction === null ? letter.id : t(`desk.kind_${letter.correction.kind}`, { defaultValue: letter.correction.kind })}</span>
        <span className="text-xs text-muted">{t('desk.attempts', { count: letter.attempts })}</span>
      </p>
      {typeof text === 'string' && text !== '' && <p className="break-words">{text}</p>}
      <p className="mb-2 text-xs break-words text-muted">{letter.reason}</p>
      <div className="flex gap-1.5">
        <button type="button" className="btn-sm" data-testid="dead-retry" onClick={() => acts.retry.mutate(letter.id)}>
          {t('common.retry')}
        </button>
        <button type="button" className="btn-sm text-danger" data-testid="dead-drop" onClick={() => acts.drop.mutate(letter.id)}>
          {t('desk.drop')}
        </button>
      </div>
    </li>
  )
}
