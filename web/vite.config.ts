import { defineConfig } from "vite";

// Files have a digest of their content in their name, so browsers may keep them for ever; the build
// is the same each time, and the package's copy can be compared with it.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/landslip/server/page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 2000,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
