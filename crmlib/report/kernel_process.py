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
    """Start a process that ends the kernel and its children, and their files, with the runner.

    A process and not a thread: a cell within one long call into C lets no thread run.
    """
    kernel = os.getpid()
    if watcher := os.fork():
        # ipykernel ends its children before itself, and waits until they have been reaped.
        threading.Thread(target=os.waitpid, args=(watcher, 0), daemon=True).start()
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the kernel
    import psutil

    while os.getppid() == kernel:
        try:
            is_orphan = psutil.Process(kernel).ppid() != runner
        except psutil.Error:
            break
        if is_orphan:
            shutil.rmtree(folder, ignore_errors=True)
            os.killpg(os.getpgid(0), signal.SIGKILL)
        time.sleep(LOOK_EVERY)
    os._exit(0)


def main() -> None:
    """Serve until told to shut down."""
    end = QuickEnd()
    folder = sys.argv.pop(1)
    # Modules such as secrets.py beside this file are not for notebooks. (Python's -P would keep the
    # working folder away from them as well, where people have modules of their own.)
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    if sys.platform != "win32":
        # ipykernel would end itself alone, and leave its children and sockets.
        end_with_the_runner(int(os.environ.pop("JPY_PARENT_PID")), folder)
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
    end.is_wanted = True


if __name__ == "__main__":
    main()
