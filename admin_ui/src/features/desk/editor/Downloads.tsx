/** The screenplay as a file, in every form that the server writes. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'

export const FORMATS = ['fountain', 'txt', 'html', 'pdf', 'fdx'] as const

export function Downloads({ session }: { session: string }) {
  const { t } = useTranslation()
  const base = `/api/sessions/${encodeURIComponent(session)}/screenplay`
  return (
    <nav aria-label={t('screenplay.download')} className="flex shrink-0 items-center text-xs">
      <Icon name="download" className="mr-0.5 size-4 text-muted" />
      {FORMATS.map((format) => (
        <a key={format} href={`${base}?format=${format}&download=1`} download data-testid={`download-${format}`} title={t(`desk.editor.format_${format}`)} className="rounded px-1.5 py-2.5 text-muted underline-offset-2 hover:text-ink hover:underline">
          .{format}
        </a>
      ))}
    </nav>
  )
}
