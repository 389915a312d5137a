"""What a layer costs a function, side by side: `make bench-layer`. Figures count on a quiet machine only."""
