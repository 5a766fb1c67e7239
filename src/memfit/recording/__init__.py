"""Records a job as it runs: launches it, marks iterations and phases from inside, samples from outside.

The recorder is a process of its own and the only one that writes the file; the job's processes leave what they mark
in a spool folder that it reads (``child/``).
"""
