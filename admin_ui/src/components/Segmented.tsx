/** One of a few, all visible. */
import { useId } from 'react'

interface Props<T extends string> {
  label: string
  value: T
  options: readonly { value: T; label: string }[]
  onChange: (value: T) => void
  className?: string
}

export function Segmented<T extends string>({ label, value, options, onChange, className = '' }: Props<T>) {
  const name = useId()
  return (
    <fieldset className={`inline-flex rounded-lg border border-line bg-stage p-0.5 ${className}`}>
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={`flex min-h-9 flex-1 cursor-pointer items-center justify-center rounded-md px-3 text-center text-sm leading-tight whitespace-nowrap transition-colors has-focus-visible:outline-2 has-focus-visible:outline-accent ${option.value === value ? 'bg-raised text-ink shadow-sm' : 'text-muted hover:text-ink'}`}>
          <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} className="sr-only" />
          {option.label}
        </label>
      ))}
    </fieldset>
  )
}
