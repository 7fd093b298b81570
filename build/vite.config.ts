import { join, resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const root = resolve(import.meta.dirname, '..');

/** Under `npm run dev`: the admin listener, which takes requests from its own origin only. */
const admin = process.env['ZHI_MIRROR_ADMIN']?.replace(/\/$/, '');
const proxy = admin === undefined ? {} : { '/api': { target: admin, changeOrigin: true, headers: { origin: admin } } };

/** The window's files. Everything is served by the mirror itself: no remote asset, nothing inlined that its CSP would refuse. */
export default defineConfig({
  root: join(root, 'renderer'),
  base: './',
  cacheDir: join(root, '.cache/vite'),
  plugins: [react()],
  build: {
    outDir: join(root, 'dist/renderer'),
    emptyOutDir: true,
    target: 'es2024',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  server: { host: '127.0.0.1', proxy },
});
