"""What the exit codes of a run mean."""

GOOD = 0
CELL_FAILED = 1
BAD_INPUT = 2  # parameters or data
RENDERING_FAILED = 3
WRITING_FAILED = 74  # the disk is full, or the place cannot be written to any more
HELD = 75  # another process is making this report
TIMED_OUT = 124
INTERRUPTED = 130
KERNEL_DIED = 138
TERMINATED = 143
