"""Which weights of a network are kept (section 3.4.3, Appendices D to F).

distribution  how many weights each layer keeps: water-filling
masks         which ones: static random masks from a seed

Nothing is imported here: `from lib.pruning import distribution, masks` brings in what it names.

Three layers that share 60 weights, and their masks:

>>> from lib.pruning import distribution, masks
>>> distribution.remaining([100, 40, 6], 60).tolist()
[27, 27, 6]
>>> [int(mask.sum()) for mask in masks.layer_masks([(10, 10), (10, 4), (2, 3)], 86, seed=1)]
[27, 27, 6]
"""
