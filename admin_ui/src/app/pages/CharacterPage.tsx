/** The dressing room: one character's card. */
import { Header } from '@/app/Header'
import { go } from '@/app/router'
import { CharacterEditor } from '@/features/characters'

export function CharacterPage({ slug, onSettings }: { slug: string | null; onSettings: () => void }) {
  return (
    <>
      <Header back onSettings={onSettings} />
      <main className="mx-auto w-full max-w-3xl flex-1 px-5 py-8 max-sm:px-4">
        <CharacterEditor slug={slug} onDone={() => go({ at: 'company' })} />
      </main>
    </>
  )
}
