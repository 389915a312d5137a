"""OTLP metrics as they were sent: which there are, and their figures over time, by group."""
