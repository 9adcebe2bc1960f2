/** Title and emptiness of a panel. */
import type { ReactNode } from 'react'

export function PanelTitle({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="mb-2 flex min-h-8 items-center justify-between gap-2">
      <h2 className="eyebrow">{title}</h2>
      {children}
    </div>
  )
}

export const DeskNothing = ({ children }: { children: ReactNode }) => <p className="rounded-lg border border-dashed border-line px-3 py-4 text-center text-sm text-muted">{children}</p>
