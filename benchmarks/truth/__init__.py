"""What a recording says of a job with worker processes, held against the kernel's own count."""
