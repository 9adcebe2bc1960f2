/** A labelled control with its hint and its mistake. */
import { type ReactNode, useId } from 'react'

interface Props {
  label: string
  hint?: string | undefined
  error?: string | undefined
  className?: string
  /** Receives the ids that tie the control to its label and hint. */
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode
}

export function Field({ label, hint, error, className = '', children }: Props) {
  const id = useId()
  const note = error ?? hint
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children({ id, ...(note === undefined ? {} : { 'aria-describedby': `${id}-note` }), ...(error === undefined ? {} : { 'aria-invalid': true as const }) })}
      {note !== undefined && (
        <p id={`${id}-note`} className={`mt-1 text-xs ${error === undefined ? 'text-muted' : 'text-danger'}`}>
          {note}
        </p>
      )}
    </div>
  )
}
