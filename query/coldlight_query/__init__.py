"""Coldlight."""
