"""labkit: the small package these notebooks import.

`checks` compares results, `timing` measures time and memory fairly, `workspan` counts work and
span without a clock, `plots` and `race` draw them, `inputs` makes well-scaled random matrices,
`answers` tells what is still missing.
"""
