"""Breaks Coldlight in every way that can be arranged, and counts what it promised: nothing lost, nothing twice."""
