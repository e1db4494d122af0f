"""Run in a process of its own: llama.cpp's server on one GGUF file, for as long as the process that asked for it.

It needs nothing but xllamacpp. Its one argument is a JSON object (`local_server` writes it); its address is the
only line on its standard output, and what llama.cpp says goes to standard error.
"""

import json
import os
import sys
import time
from typing import Any

_ERRORS_AND_WARNINGS = 2  # one level more tells several lines about each request
_LOOK_FOR_PARENT_EVERY_S = 0.5


def serve(options: dict[str, Any]) -> Any:
    """Starts the server and returns it; it answers until it is deleted.

    Raises:
        RuntimeError: when llama.cpp cannot load the file or listen; it has said why on standard error.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = options["path"]
    parameters.model_alias = {options["name"]}  # or each reply would carry the path
    parameters.port = options["port"]
    parameters.n_parallel = options["slots"]
    parameters.n_ctx = options["slots"] * options["tokens_per_slot"]
    parameters.cpuparams.n_threads = options["threads"]
    parameters.cpuparams_batch.n_threads = options["threads"]
    parameters.cache_ram_mib = 0
    parameters.cache_idle_slots = False  # it needs the former
    parameters.verbosity = _ERRORS_AND_WARNINGS
    # Nobody but the one client has business here: no page, no list of prompts, no other site's scripts.
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cors_origins = "null"
    return xllamacpp.Server(parameters)


def main() -> None:
    options = json.loads(sys.argv[1])
    answer = os.dup(1)
    os.dup2(2, 1)  # native code may print, too
    sys.stderr.write(f"serving {options}\n")
    sys.stderr.flush()
    server = serve(options)
    try:
        os.write(answer, f"{server.listening_address}\n".encode())
        os.close(answer)
        # Asked for again and again because nothing else holds: a pipe may be kept open by a fork of the parent, and
        # PR_SET_PDEATHSIG tells of the end of the parent's thread.
        while os.getppid() == options["parent"]:
            time.sleep(_LOOK_FOR_PARENT_EVERY_S)
    finally:
        os._exit(0)  # also when nobody reads the address: Python's own ending can wait for llama.cpp's for ever


if __name__ == "__main__":
    main()
