"""RED: how many spans there were, how many failed, and how long they took, over time and by group."""
