/** A modal sheet over the page: at the side (drawer) or in the middle. Focus and Escape are the browser's own. */
import { type ReactNode, useLayoutEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'

interface Props {
  title: string
  side?: boolean
  onClose: () => void
  children: ReactNode
  testId?: string
}

export function Sheet({ title, side = false, onClose, children, testId }: Props) {
  const { t } = useTranslation()
  const dialog = useRef<HTMLDialogElement>(null)
  // Closed while it is still in the page: only then does the browser give the focus back to whatever opened it.
  useLayoutEffect(() => {
    const element = dialog.current
    element?.showModal()
    return () => element?.close()
  }, [])
  const shape = side ? 'ml-auto h-dvh max-h-none w-full max-w-md rounded-none border-y-0 border-r-0 sm:rounded-l-2xl' : 'm-auto max-h-[88dvh] w-[min(40rem,calc(100vw-1.5rem))] rounded-2xl'
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      data-testid={testId}
      className={`flex flex-col overflow-hidden border border-line bg-velvet p-0 text-ink shadow-(--shadow) ${shape}`}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose()
      }}
    >
      <header className="flex items-center justify-between gap-3 border-b border-line px-5 py-3">
        <h2 className="font-serif text-xl">{title}</h2>
        <button type="button" className="icon-btn btn-quiet" onClick={onClose} aria-label={t('common.close')}>
          <Icon name="close" />
        </button>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain p-5">{children}</div>
    </dialog>
  )
}
