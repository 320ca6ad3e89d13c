"""Tables to pictures: what is drawn in a chapter, a module a chapter, and the drawings of neurons and machines.

A function takes tables, or runs as a record has them, and returns the figure with the tidy table that
`lib.plotting.save_figure` saves beside it.  Style and what several chapters draw is in `lib.plotting`; what the numbers
mean is said where they are computed.
"""
