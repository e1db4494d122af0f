"""Runs Argilla's API and UI on loopback, in one process: `serve.py PORT`."""

import sys

import sqlite_search.engine  # noqa: F401  (registers the search engine "sqlite")
import uvicorn
from argilla_server import app

# The pages ask Google for two fonts on every visit; with this the browser does not, and takes its own.
SECURITY_POLICY = "style-src 'self' 'unsafe-inline' data: blob:; font-src 'self' data:"

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        server_header=False,
        headers=[("Content-Security-Policy", SECURITY_POLICY)],
        # An open browser keeps its connection, and would keep the server.
        timeout_graceful_shutdown=5,
    )
