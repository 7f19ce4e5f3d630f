"""The map in the browser: an HTTP server over one folder, and the page that it serves."""
