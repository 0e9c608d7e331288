"""Game: a generator and a discriminator against each other, and what each of them makes of the other."""
