"""Which weights of a network are kept (section 3.4.3, Appendices D to F; chapter 7).

distribution  how many weights each layer keeps: water-filling
masks         which ones: static random masks from a seed
schedule      how many weights are left after each step of iterative pruning (section 7.3)
magnitude     which ones go next: the smallest, by unit, by Fisher information, at random; the graph that is left
bands         from which step on a measure lies outside its fluctuations

Nothing is imported here: `from lib.pruning import distribution, masks` brings in what it names.

Three layers that share 60 weights, and their masks:

>>> from lib.pruning import distribution, masks
>>> distribution.remaining([100, 40, 6], 60).tolist()
[27, 27, 6]
>>> [int(mask.sum()) for mask in masks.layer_masks([(10, 10), (10, 4), (2, 3)], 86, seed=1)]
[27, 27, 6]
"""
