"""CBCR: could we restore, how much would we lose, how long would it take, when do we run out of room."""
