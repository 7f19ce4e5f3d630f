import { defineConfig } from "vite";

// File names without hashes: a rebuild changes only the content that changed, and the package's
// copy can be compared byte for byte.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/landslip/server/page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
