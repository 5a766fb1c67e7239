"""memfit within other programs: each file is loaded by the program that it belongs to, and by nothing else."""
