/** On or off. */
interface Props {
  label: string
  hint?: string | undefined
  on: boolean
  onChange: (on: boolean) => void
  disabled?: boolean
  testId?: string
}

export function Switch({ label, hint, on, onChange, disabled = false, testId }: Props) {
  return (
    <button type="button" role="switch" aria-checked={on} disabled={disabled} data-testid={testId} onClick={() => onChange(!on)} className="flex w-full items-start justify-between gap-4 rounded-lg py-1 text-left disabled:opacity-50">
      <span>
        <span className="block text-sm font-medium">{label}</span>
        {hint !== undefined && <span className="mt-0.5 block text-xs text-muted">{hint}</span>}
      </span>
      <span className={`mt-0.5 h-6 w-11 shrink-0 rounded-full border p-0.5 transition-colors ${on ? 'border-transparent bg-foot' : 'border-line bg-stage'}`}>
        <span className={`block size-4.5 rounded-full transition-transform ${on ? 'translate-x-5 bg-foot-ink' : 'bg-muted'}`} />
      </span>
    </button>
  )
}
