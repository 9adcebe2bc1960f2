/** Removing a character asks once more. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Sheet } from '@/components/Sheet'
import { Failure } from '@/components/States'

import { useDeleteCharacter } from '../api/character'

export function DeleteButton({ slug, name, onDeleted }: { slug: string; name: string; onDeleted: () => void }) {
  const { t } = useTranslation()
  const [asking, setAsking] = useState(false)
  const deleting = useDeleteCharacter()
  return (
    <>
      <button type="button" className="btn btn-danger" data-testid="delete-character" onClick={() => setAsking(true)}>
        {t('common.delete')}
      </button>
      {asking && (
        <Sheet title={t('editor.delete_title', { name })} onClose={() => setAsking(false)}>
          <p className="text-muted">{t('editor.delete_text')}</p>
          {deleting.isError && <Failure error={deleting.error} />}
          <div className="mt-5 flex justify-end gap-2">
            <button type="button" className="btn" autoFocus onClick={() => setAsking(false)}>
              {t('common.cancel')}
            </button>
            <button type="button" className="btn btn-danger" disabled={deleting.isPending} data-testid="delete-confirm" onClick={() => deleting.mutate(slug, { onSuccess: onDeleted })}>
              {t('common.delete')}
            </button>
          </div>
        </Sheet>
      )}
    </>
  )
}
