"""The kernel process of a run: `python kernel.py FOLDER`, and then ipykernel's own arguments.

It is ipykernel, but that it ends with the process that started it, and ends quickly.
"""

import atexit
import os
import shutil
import signal
import sys
import threading
import time

LOOK_EVERY = 0.5  # seconds between two looks whether the runner still lives


class QuickEnd:
    """Ends the process once all that is open has been closed.

    Python would go on to take apart, one by one, all the objects that pandas and others have
    made, which takes up to a second.
    """

    def __init__(self) -> None:
        self.is_wanted = False
        # First in, last out: what the session and its modules clean up comes before it.
        atexit.register(self._end)

    def _end(self) -> None:
        if self.is_wanted:
            os._exit(0)


def end_with_the_runner(runner: int, folder: str) -> None:
    """Wait until the runner was killed; then remove the sockets, and end with all children."""
    while os.getppid() == runner:
        time.sleep(LOOK_EVERY)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Serve until told to shut down."""
    end = QuickEnd()
    folder = sys.argv.pop(1)
    if sys.platform != "win32":
        # ipykernel would end itself alone, and leave its children and sockets.
        runner = int(os.environ.pop("JPY_PARENT_PID"))
        watcher = threading.Thread(target=end_with_the_runner, args=(runner, folder), daemon=True)
        watcher.start()
    # Modules such as secrets.py beside this file are not for notebooks. (Python's -P would keep the
    # working folder away from them as well, where people have modules of their own.)
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
    end.is_wanted = True


if __name__ == "__main__":
    main()
