"""Coldlight under more load than it can take, and under attack: what it promises for both, measured from outside."""
