/** The page's drawings, one stroke weight, 24 units square. Decorative: the control that holds one has the name. */

const PATHS = {
  mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M8.5 21h7',
  micOff: 'M9 9v2a3 3 0 0 0 4.6 2.5M15 10.5V6a3 3 0 0 0-5.8-1M5.5 11a6.5 6.5 0 0 0 10.3 5.3M18.5 11a6.4 6.4 0 0 1-.6 2.7M12 17.5V21M8.5 21h7M4 3.5l16 17',
  stop: 'M6.5 6.5h11v11h-11z',
  send: 'M5 12h13M12.5 6l6 6-6 6',
  table: 'M4 9h16M6 9v10M18 9v10M9 5.5a1.5 1.5 0 1 0 0-.01M15 5.5a1.5 1.5 0 1 0 0-.01',
  loudspeaker: 'M7 3.5h10v17H7zM12 12.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM12 7.4v.3',
  speaker: 'M4.5 9.5v5h3l4.5 4v-13l-4.5 4zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11',
  speakerOff: 'M4.5 9.5v5h3l4.5 4v-13l-4.5 4zM16 9.5l5 5M21 9.5l-5 5',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4M4 12h13M21 12h-.5M19 9.8v4.4',
  back: 'M19 12H6M11.5 6l-6 6 6 6',
  search: 'M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12ZM15 15l5 5',
  plus: 'M12 5v14M5 12h14',
  edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  close: 'M6 6l12 12M18 6L6 18',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14',
  down: 'M12 5v13M6.5 12.5L12 18l5.5-5.5',
  info: 'M12 11v6M12 7.2v.3M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z',
  warning: 'M12 4l9 16H3zM12 10v4.5M12 17v.3',
  headphones: 'M4.5 14v-2a7.5 7.5 0 0 1 15 0v2M4.5 14h3v5.5h-3zM16.5 14h3v5.5h-3z',
  clock: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17ZM12 7.5V12l3 2',
  check: 'M5 12.5l4.5 4.5L19 7',
  reset: 'M5 12a7 7 0 1 0 2.2-5.1M5 4.5V8h3.5',
  prompter: 'M4 5.5h16v10H4zM8 19.5h8M12 15.5v4M7.5 9h9M7.5 12h5.5',
  desk: 'M3.5 9.5h17M5.5 9.5v9M18.5 9.5v9M8 5.5l1.5 4M16 5.5l-1.5 4M9.5 14h5',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  trash: 'M5 7h14M9.5 7V4.5h5V7M7 7l1 12.5h8L17 7M10.5 10.5v5.5M13.5 10.5v5.5',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  undo: 'M8 5L4 9l4 4M4 9h9.5a5.5 5.5 0 0 1 0 11H8',
  people: 'M9 11a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 9 11ZM3 19.5c.4-3.4 2.8-5.4 6-5.4s5.6 2 6 5.4M15.5 5a3 3 0 0 1 0 5.8M17.5 14.6c2 .7 3.2 2.4 3.5 4.9',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, className = 'size-5' }: { name: IconName; className?: string }) {
  return (
    <svg viewBox="0 0 24 24" className={className} fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
