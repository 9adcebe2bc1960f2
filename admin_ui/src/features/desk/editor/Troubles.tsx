/** Corrections that did not go through: both texts of a conflict, and what to do. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useProblemText } from '@/components/States'
import { useObservable } from '@/lib/useObservable'

import type { EditorController } from './controller'
import type { Trouble } from './unsent'

export function Troubles({ controller }: { controller: EditorController }) {
  const { troubles } = useObservable(controller.shown$)
  if (troubles.length === 0) return null
  return (
    <div className="max-h-[55%] shrink-0 overflow-y-auto border-t border-danger/50 bg-velvet shadow-(--shadow)">
      {troubles.map((trouble) => (
        <Card key={trouble.id} trouble={trouble} controller={controller} />
      ))}
    </div>
  )
}

function Card({ trouble, controller }: { trouble: Trouble; controller: EditorController }) {
  const { t } = useTranslation()
  const text = useProblemText()
  const conflict = trouble.kind === 'conflict'
  return (
    <div role="alert" data-testid={conflict ? 'conflict' : 'correction-failed'} className="rise flex flex-col gap-2.5 border-b border-line/60 px-4 py-3 last:border-b-0">
      <p className="flex items-center gap-2 text-sm">
        <Icon name="warning" className="size-5 shrink-0 text-danger" />
        <span className="min-w-0 flex-1">{conflict ? t('desk.editor.conflict') : t('desk.editor.failed', { detail: text(trouble.error) })}</span>
        <button type="button" className="btn btn-quiet" onClick={() => controller.reveal(trouble.block)}>
          {t('desk.editor.show')}
        </button>
      </p>
      <div className="grid gap-2.5 sm:grid-cols-2">
        <Side label={t('desk.editor.mine')} text={trouble.mine || t('desk.editor.deleted')} testId="conflict-mine" />
        {conflict && <Side label={t('desk.editor.theirs')} text={trouble.theirs || t('desk.editor.deleted')} testId="conflict-theirs" />}
      </div>
      <p className="flex flex-wrap justify-end gap-2">
        <button type="button" className="btn" data-testid="conflict-take-theirs" onClick={() => void controller.resolve(trouble, false)}>
          {conflict ? t('desk.editor.take_theirs') : t('desk.editor.discard')}
        </button>
        <button type="button" className="btn btn-primary" data-testid="conflict-keep-mine" onClick={() => void controller.resolve(trouble, true)}>
          {conflict ? t('desk.editor.keep_mine') : t('common.retry')}
        </button>
      </p>
    </div>
  )
}

function Side({ label, text, testId }: { label: string; text: string; testId: string }) {
  return (
    <div className="rounded-lg border border-line bg-paper px-3 py-2">
      <p className="eyebrow mb-1 text-[0.65rem]">{label}</p>
      <p className="font-serif break-words whitespace-pre-wrap text-paper-ink" data-testid={testId}>
        {text}
      </p>
    </div>
  )
}
