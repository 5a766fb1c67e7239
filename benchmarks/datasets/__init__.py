"""Data sets: what files weigh in memory and what reading them peaks at, predicted against measured."""
