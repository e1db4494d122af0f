"""Workers end when nobody waits for them any more: a round that was killed leaves no training behind."""

import os
import threading
import time

LOOK_EVERY_S = 0.5


def end_with(grandparent: int) -> None:
    """Has this process and its launcher end soon after the process that started the launcher is gone."""
    threading.Thread(target=_watch, args=(grandparent, os.getppid()), daemon=True).start()


def _watch(grandparent: int, launcher: int) -> None:
    import psutil

    while os.getppid() == launcher:
        try:
            if psutil.Process(launcher).ppid() != grandparent:
                psutil.Process(launcher).kill()  # or it would start another worker
                break
        except psutil.NoSuchProcess:
            break
        time.sleep(LOOK_EVERY_S)
    os._exit(1)
