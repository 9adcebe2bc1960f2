/** What steers the coming lines: notes in force, and secrets that are still kept. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { notesInForce } from '@/lib/transcript/steering'

import { castOf, Key } from '../components/looks'
import { useParts } from '../components/useParts'
import type { DeskSession } from '../session/deskSession'
import { DeskNothing, PanelTitle } from './parts'

export function Notes({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const notes = notesInForce(view)
  return (
    <div className="flex flex-col gap-5">
      <section>
        <PanelTitle title={t('desk.notes')}>
          <button type="button" className="btn-sm" onClick={() => desk.stand.take('note')}>
            <Icon name="plus" className="size-4" />
            {t('desk.tool_note')} <Key>N</Key>
          </button>
        </PanelTitle>
        {notes.length === 0 && <DeskNothing>{t('desk.notes_empty')}</DeskNothing>}
        <ul className="flex flex-col gap-2">
          {notes.map(({ note, left }) => (
            <li key={note.seq} data-testid={`note-${note.seq}`} className="flex items-start gap-2 rounded-lg border border-line bg-raised/60 p-2.5 text-sm">
              <span className="min-w-0 flex-1">
                <span className="block break-words">{note.text}</span>
                <span className="mt-0.5 block text-xs text-muted">
                  {note.character === '' ? t('desk.everybody') : (view.members.get(note.character)?.name ?? note.character)} · {left === null ? t('desk.scope_until_removed') : t('desk.lines_left', { count: left })}
                </span>
              </span>
              <button type="button" className="rounded p-1 text-muted hover:text-danger" aria-label={t('desk.remove_note')} data-testid={`note-remove-${note.seq}`} onClick={() => void desk.correct({ kind: 'note', text: '', removes: note.seq })}>
                <Icon name="close" className="size-4" />
              </button>
            </li>
          ))}
        </ul>
      </section>
      <Secrets desk={desk} />
    </div>
  )
}

function Secrets({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const kept = castOf(view).flatMap((member) => member.secrets.map((secret) => ({ member, secret, open: view.revealed.has(`${member.id}/${secret.id}`) })))
  if (kept.length === 0) return null
  return (
    <section>
      <PanelTitle title={t('desk.secrets')} />
      <ul className="flex flex-col gap-2">
        {kept.map(({ member, secret, open }) => (
          <li key={`${member.id}/${secret.id}`} className="flex items-start gap-2 rounded-lg border border-line bg-raised/60 p-2.5 text-sm">
            <span className="min-w-0 flex-1">
              <span className="block text-xs text-muted">{member.name}</span>
              <span className="block break-words">{secret.text}</span>
            </span>
            {open ? (
              <span className="chip text-good">{t('desk.revealed')}</span>
            ) : (
              <button type="button" className="btn-sm" data-testid={`reveal-${member.id}-${secret.id}`} onClick={() => void desk.correct({ kind: 'reveal', character: member.id, secret: secret.id })}>
                {t('desk.reveal')}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
