"""What ends runs early."""

from typing import Protocol


class Stop(Protocol):
    """Something that can be asked, from any thread: a `threading.Event`, or a file's absence."""

    def is_set(self) -> bool:
        """Whether the runs are to end."""
        ...
