"""Maps: what layers of maps give, and what makes a unit fire."""
