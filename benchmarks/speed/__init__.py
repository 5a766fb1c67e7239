"""What an estimate costs: side by side with MemTracker, at the size of Llama 70B, and the start of the program."""
