"""Speed of what users wait for, beside what they would use otherwise: `make bench`."""
