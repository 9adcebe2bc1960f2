/** How the page is built: into the gateway's static folder, every script a file of its own (the page runs under a strict CSP). */
import { fileURLToPath } from 'node:url'

import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const gateway = process.env['SOUFFLEUR_GATEWAY'] ?? 'http://127.0.0.1:8765'

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: '../services/gateway/static',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'es2022',
  },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: gateway },
      '/v1': { target: gateway, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
