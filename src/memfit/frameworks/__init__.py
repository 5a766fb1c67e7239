"""What each framework is about to do with memory. One folder per framework; none knows another."""
