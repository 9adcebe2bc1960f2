/** Keys that turn the teleprompter's pages. Pure. */

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }

/** How many pages; 0 = the key is not meant for them. A button that has the focus keeps its Space. */
export function pages(key: string, onControl: boolean): number {
  return key === ' ' && onControl ? 0 : (STEPS[key] ?? 0)
}
