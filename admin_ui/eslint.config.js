// House rules of the page: a feature never imports another feature; lib and components know neither features nor the app.
import { readdirSync } from 'node:fs'

import js from '@eslint/js'
import hooks from 'eslint-plugin-react-hooks'
import globals from 'globals'
import tseslint from 'typescript-eslint'

const features = readdirSync(new URL('./src/features', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)

const closed = (message, ...patterns) => ({
  'no-restricted-imports': ['error', { patterns: patterns.map((pattern) => ({ ...pattern, message })) }],
})

export default tseslint.config(
  { ignores: ['node_modules', 'dist'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.{ts,tsx}'] })),
  { files: ['**/*.{ts,tsx}'], languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname }, globals: globals.browser } },
  { files: ['*.js'], languageOptions: { globals: globals.node } },
  { files: ['public/*.js'], languageOptions: { globals: globals.browser, sourceType: 'script' } },
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 400, skipComments: true }],
    },
  },
  ...features.map((name) => ({
    files: [`src/features/${name}/**/*.{ts,tsx}`],
    rules: closed(
      'A feature does not import another feature or the app; the app puts features together.',
      { group: ['@/app/**', ...features.filter((other) => other !== name).flatMap((other) => [`@/features/${other}`, `@/features/${other}/**`])] },
      { regex: `^(\\.\\./)+(${features.filter((other) => other !== name).join('|')}|app)(/|$)` },
    ),
  })),
  {
    files: ['src/lib/**/*.{ts,tsx}', 'src/components/**/*.{ts,tsx}'],
    rules: closed('lib and components know nothing of features or the app.', { group: ['@/features/**', '@/app/**', '../features/**', '../app/**', '../../features/**', '../../app/**'] }),
  },
)
