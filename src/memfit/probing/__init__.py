"""Run it small in a fresh process and measure: what a framework costs before a job does anything."""
