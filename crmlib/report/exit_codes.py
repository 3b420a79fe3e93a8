"""What the exit codes of a run mean."""

GOOD = 0
CELL_FAILED = 1
BAD_INPUT = 2  # parameters or data
RENDERING_FAILED = 3
TIMED_OUT = 124
INTERRUPTED = 130
KERNEL_DIED = 138
TERMINATED = 143
