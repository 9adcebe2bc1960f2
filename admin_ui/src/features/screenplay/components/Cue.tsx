/** Who speaks, above their words. */
export const Cue = ({ name, aside = '' }: { name: string; aside?: string }) => (
  <p className="pl-[24%] text-[0.85em] tracking-[0.12em] uppercase max-sm:pl-[18%]">
    {name}
    {aside !== '' && <span className="ml-2 tracking-normal text-paper-muted normal-case italic">({aside})</span>}
  </p>
)
